"""The Customer App, for programs."""

from collections.abc import Iterator
from uuid import UUID

from online_kart.domain.customers import AddAddress, Address, Customer, RegisterCustomer
from online_kart.domain.orders import Order, PlaceOrder
from online_kart.domain.package_paths import PackagePath

from .app import App


class Customers(App):
    """What customers ask. Every method raises Refused. `key`: an Idempotency-Key of the caller's."""

    def register(self, customer: RegisterCustomer, key: str | None = None) -> Customer:
        return self._made(Customer, "/customers", customer, key)

    def add_address(
        self, customer_id: UUID, address: AddAddress, key: str | None = None
    ) -> Address:
        return self._made(Address, f"/customers/{customer_id}/addresses", address, key)

    def place_order(self, order: PlaceOrder, key: str | None = None) -> Order:
        """It is `placed`; a second later it is normally confirmed."""
        return self._made(Order, "/orders", order, key)

    def order(self, order_id: UUID) -> Order:
        return self._one(Order, f"/orders/{order_id}")

    def orders(self, customer_id: UUID) -> Iterator[Order]:
        """The newest first."""
        return self._rows(Order, f"/customers/{customer_id}/orders")

    def cancel(self, order_id: UUID, key: str | None = None) -> Order:
        return self._made(Order, f"/orders/{order_id}/cancellation", None, key)

    def path_of_package(self, package_id: UUID) -> PackagePath:
        """Where it is, planned against actual."""
        return self._one(PackagePath, f"/packages/{package_id}/path")
