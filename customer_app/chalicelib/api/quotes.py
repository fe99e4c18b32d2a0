"""/cart-quotes: what a cart would cost, in which packages it would come, and when."""

from chalice import Blueprint, Response

from online_kart.contract import ok, operation
from online_kart.domain.errors import NotOffered
from online_kart.domain.principals import ANYONE
from online_kart.domain.quotes import AskQuote, CartQuote
from online_kart.http import errors_to_http, json_response, read_body
from online_kart.planning.routes import current_routes

from .. import wiring
from ..services import quotes

quotes_api = Blueprint(__name__)


@quotes_api.route("/cart-quotes", methods=["POST"])
@operation(ok(CartQuote), body=AskQuote, errors=(NotOffered,), access=ANYONE)
@errors_to_http
def quote_cart() -> Response:
    """What an order of these lines would get now. It changes nothing, holds no stock, and takes no key.

    An order that is placed at once gets the same packages, dates and total, unless somebody was faster or prices changed.
    """
    command = read_body(quotes_api.current_request, AskQuote)
    routes = current_routes(wiring.documents())
    return json_response(quotes.quote(wiring.customer_db(), routes, command, wiring.now()))
