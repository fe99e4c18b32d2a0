"""/promises: the date on which an item can be at a customer's door."""

from typing import Annotated

from chalice import Blueprint, Response
from pydantic import AfterValidator, Field

from online_kart.contract import ok, operation
from online_kart.domain.base import Model, example
from online_kart.domain.principals import STAFF_SEES
from online_kart.domain.values import AskedInstant, Pincode, Sku
from online_kart.http import errors_to_http, json_response, read_body
from online_kart.planning.routes import current_routes

from .. import wiring
from ..services import promises
from ..services.promises import Promises

promises_api = Blueprint(__name__)

SKUS_MAX = 100


class AskForPromises(Model):
    """For which items, to where. `at`: as if they were ordered then; without it, now."""

    model_config = example(to_pincode=744101, skus=["MUG-350ML"])

    to_pincode: Pincode
    skus: Annotated[
        tuple[Sku, ...],
        Field(min_length=1, max_length=SKUS_MAX),
        AfterValidator(lambda skus: tuple(dict.fromkeys(skus))),
    ]
    at: AskedInstant | None = None


@promises_api.route("/promises", methods=["POST"])
@operation(ok(Promises), body=AskForPromises, access=STAFF_SEES)
@errors_to_http
def ask_for_promises() -> Response:
    """Changes nothing: it is a POST because a hundred SKUs are too long for a URL."""
    asked = read_body(promises_api.current_request, AskForPromises)
    routes = current_routes(wiring.documents())
    ordered_at = asked.at or wiring.now()
    conn = wiring.inventory_db()
    return json_response(promises.promises(conn, routes, asked.to_pincode, asked.skus, ordered_at))
