"""Orders (C4), their packages as customers see them (C5), and how an order's status may change."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from pydantic import Field

from .base import Model, example
from .customers import PostalAddress
from .errors import InvalidRequest, shortages_told
from .events import PackageStatus, ShortItem
from .package_paths import PackagePath
from .payments import PaymentMethod
from .values import PAISE_MAX, QUANTITY_MAX, Instant, Paise, Pincode, Quantity, Sku

LINES_MAX = 50
OrderStatus = Literal["placed", "confirmed", "rejected", "cancelling", "cancelled", "finished"]

ALLOWED_CHANGES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    "placed": frozenset({"confirmed", "rejected", "cancelling"}),
    "confirmed": frozenset({"cancelling", "finished"}),
    "cancelling": frozenset({"cancelled"}),
    "rejected": frozenset(),
    "cancelled": frozenset(),
    "finished": frozenset(),
}
TOLD_BY: Mapping[OrderStatus, str] = {
    "confirmed": "OrderConfirmed",
    "finished": "OrderConfirmed",
    "rejected": "OrderRejected",
    "cancelled": "OrderCancelled",
}
"""How an order ended as far as its run goes → the event that has told of it."""

PACKAGE_ENDS: frozenset[PackageStatus] = frozenset({"delivered", "returned", "cancelled", "lost"})
ON_ITS_WAY: frozenset[PackageStatus] = frozenset({"in_transit", "out_for_delivery"})
"""To its customer. Of a finished order no package is, but one that was lost and has turned up."""


class LineWanted(Model):
    """What a customer asks for. Without a seller: the cheapest offer that has units left."""

    sku: Sku
    quantity: Quantity
    seller_id: UUID | None = None


class PlaceOrder(Model):
    model_config = example(
        customer_id="5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11",
        address_id="0b6f1d0e-58a3-4c39-8f4e-6f3f6d1d7a52",
        lines=[{"sku": "MUG-350ML", "quantity": 2}],
    )

    customer_id: UUID
    address_id: UUID
    payment: PaymentMethod = "cash_on_delivery"
    lines: Annotated[tuple[LineWanted, ...], Field(min_length=1, max_length=LINES_MAX)]


class OrderLine(Model):
    line_no: int
    sku: Sku
    seller_id: UUID
    item_name: str
    quantity: Quantity
    unit_price_paise: Paise


class PackageOfOrder(Model):
    """A package as its customer sees it."""

    package_id: UUID
    origin_fc_code: str
    status: PackageStatus
    promise_date: date
    version: int
    lines: dict[int, int] = Field(default_factory=dict, description="line_no → quantity")


def package_of(path: PackagePath) -> PackageOfOrder:
    """What its customer sees of a package with this path."""
    return PackageOfOrder(
        package_id=path.package_id,
        origin_fc_code=path.origin_fc_code,
        status=path.status,
        promise_date=path.promise_date,
        version=path.version,
        lines={line.line_no: line.quantity for line in path.lines},
    )


class Rejection(Model):
    """Why an order can't be served, for its customer and for who has to look into it."""

    error: str
    """The class name of what was raised: a client may decide by it."""
    message: str
    short_items: tuple[ShortItem, ...] = ()


class Order(Model):
    order_id: UUID
    customer_id: UUID
    address_id: UUID
    to_pincode: Pincode
    status: OrderStatus
    payment: PaymentMethod
    total_paise: Paise
    promise_date: date | None
    rejection: Rejection | None
    sourcing: dict[str, Any] | None
    deliver_to: PostalAddress | None = None
    """As it was when the order was placed."""
    version: int
    placed_at: Instant
    updated_at: Instant
    lines: tuple[OrderLine, ...] = ()
    packages: tuple[PackageOfOrder, ...] = ()


def summed(lines: Iterable[tuple[Sku, UUID, int]]) -> dict[tuple[Sku, UUID], int]:
    """Quantities per offer, (sku, seller) → units: the same offer on two lines is one line, in the order first met."""
    quantities: dict[tuple[Sku, UUID], int] = {}
    for sku, seller_id, quantity in lines:
        quantities[sku, seller_id] = quantities.get((sku, seller_id), 0) + quantity
    return quantities


def refuse_too_large(quantities: Iterable[int], total_paise: int) -> None:
    """Each line fits its limits, but their sums may not. Raises InvalidRequest."""
    if max(quantities) > QUANTITY_MAX:
        raise InvalidRequest(
            "The lines of one offer are too many units.", "lines", f"up to {QUANTITY_MAX} units"
        )
    if total_paise > PAISE_MAX:
        raise InvalidRequest("The order is worth too much.", "lines", f"up to {PAISE_MAX} paise")


def why_rejected(error: str, message: str, lines: Iterable[OrderLine]) -> Rejection:
    """By the error that a state machine caught. Where items are short, the message calls them by their names."""
    names = {(line.sku, line.seller_id): line.item_name for line in lines}
    short = tuple(
        ShortItem(
            sku=each.sku,
            seller_id=each.seller_id,
            item_name=names.get((each.sku, each.seller_id), each.sku),
            wanted=each.wanted,
            left=each.free,
        )
        for each in shortages_told(message)
    )
    told = "; ".join(f"{each.item_name}: {each.wanted} wanted, {each.left} left" for each in short)
    return Rejection(error=error, message=f"{told}." if short else message, short_items=short)


def may_become(status: OrderStatus, wanted: OrderStatus) -> bool:
    return wanted in ALLOWED_CHANGES[status]


def outcome_id(order_id: UUID, event_type: str) -> UUID:
    """The id of the event that tells of the order's outcome: there is one, so it can be told again."""
    return uuid5(order_id, event_type)


def is_over(packages: Iterable[PackageStatus]) -> bool:
    """Every package is at its end (and there is one)."""
    statuses = list(packages)
    return bool(statuses) and all(status in PACKAGE_ENDS for status in statuses)
