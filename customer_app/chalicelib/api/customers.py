"""/customers"""

from http import HTTPStatus
from uuid import UUID

from chalice import Blueprint, Response

from online_kart.contract import created, ok, operation
from online_kart.domain.customers import Customer, RegisterCustomer
from online_kart.domain.errors import AlreadyRegistered, EmailTaken, NotFound
from online_kart.domain.principals import CUSTOMERS_ACT, CUSTOMERS_SEE
from online_kart.http import errors_to_http, json_response, read_body, read_path
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import customers
from .repeats import repeats

customers_api = Blueprint(__name__)


@customers_api.route("/customers", methods=["POST"])
@operation(
    created(Customer),
    body=RegisterCustomer,
    errors=(AlreadyRegistered, EmailTaken),
    access=CUSTOMERS_ACT,
)
@errors_to_http
@repeats.safe(customers_api)
def register_customer() -> Response:
    """Whoever is signed in becomes a customer: once."""
    command = read_body(customers_api.current_request, RegisterCustomer)
    by = principal_of(customers_api.current_request)
    customer = customers.register(wiring.customer_db(), by, command, wiring.now())
    location = {"Location": f"/customers/{customer.customer_id}"}
    return json_response(customer, HTTPStatus.CREATED, location)


@customers_api.route("/customers/{customer_id}", methods=["GET"])
@operation(ok(Customer), path={"customer_id": UUID}, errors=(NotFound,), access=CUSTOMERS_SEE)
@errors_to_http
def customer_by_id(customer_id: str) -> Response:
    key: UUID = read_path(UUID, customer_id, "customer_id")
    by = principal_of(customers_api.current_request)
    return json_response(customers.by_id(wiring.customer_db(), by, key))
