"""The demo's way into the apps: HTTP, as any client's, patient with a system that is being restarted."""

from online_kart.tokens import Pool

from ..client.app import App, Identity, Patience
from ..client.customers import Customers
from ..client.fulfillment import Fulfillment
from ..client.refused import Refused
from ..client.sellers import Sellers
from ..sign_in import SignIn

__all__ = ["App", "Kart", "Refused"]

PATIENT = Patience(seconds=90.0, statuses=frozenset({500, 502, 503, 504}), repeats_all=True)
"""Long enough to start the system anew in another shell. Callers send keys, or handle a 409 of the second try."""


class Kart:
    """The three apps, as the admin of the demo meets them, and as others do."""

    def __init__(self, sign_in: SignIn, fulfillment: str, seller: str, customer: str) -> None:
        self._sign_in = sign_in
        admin = self._staff
        self.fulfillment = Fulfillment(fulfillment, admin("admin", "fulfillment_app"), PATIENT)
        self.seller = Sellers(seller, admin("admin", "seller_app"), PATIENT)
        self.customer = Customers(customer, admin("admin", "customer_app"), PATIENT)
        self.planner = self.fulfillment.signed_in(self._staff("planner", "fulfillment_app"))
        self.staff = self.fulfillment.signed_in(self._staff("ravi", "fulfillment_app"))

    def a_customer(self, username: str) -> Customers:
        """The customer app for whoever signs up by that name."""
        return self.customer.signed_in(self._of_pool("customers", username, "customer_app"))

    def a_seller(self, username: str) -> Sellers:
        """The seller app for whoever has signed up, or does now, by that name."""
        return self.seller.signed_in(self._of_pool("sellers", username, "seller_app"))

    def _staff(self, username: str, app: str) -> Identity:
        return Identity(lambda: self._sign_in.token("staff", username, app))

    def _of_pool(self, pool: Pool, username: str, app: str) -> Identity:
        return Identity(
            lambda: self._sign_in.token_of(self._sign_in.sign_up(pool, username, app), app)
        )

    def close(self) -> None:
        for app in (self.fulfillment, self.seller, self.customer):
            app.close()
