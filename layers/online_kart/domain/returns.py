"""Returns: a customer sends a delivered package back, whole, within RETURN_WITHIN, and gets the money back.

A courier of the FC that delivered it fetches it on a working day. Whoever receives it says which units can't be sold
again; the others are in stock where they are. The refund is the price of all its units, whatever their condition.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, NamedTuple
from uuid import UUID, uuid5

from pydantic import Field

from .base import Model, example
from .errors import InvalidRequest, ReturnRefused
from .orders import LINES_MAX, OrderLine, OrderStatus, PackageOfOrder
from .packages import PackageLine
from .values import FacilityCode, Instant, Paise, Quantity, Sentence, Sku

RETURN_WITHIN = timedelta(days=10)
"""Of the delivery. Long enough to unpack and try, short enough that what comes back is still sold."""

ReturnStatus = Literal["requested", "planned", "received", "refunded", "owed"]
ExpectedStatus = Literal["expected", "received"]
Reason = Annotated[Sentence, Field(examples=["It does not fit."])]


def return_id_of(package_id: UUID) -> UUID:
    """A package is returned once, so asking twice asks for the same."""
    return uuid5(package_id, "return")


class RequestReturn(Model):
    model_config = example(
        package_id="0b6f1d0e-58a3-5c39-8f4e-6f3f6d1d7a52", reason="It does not fit."
    )

    package_id: UUID
    reason: Reason


class Return(Model):
    """As its customer sees it. `owed`: what was paid on delivery is paid back by people."""

    return_id: UUID
    order_id: UUID
    package_id: UUID
    reason: str
    status: ReturnStatus
    refund_paise: Paise
    pickup_on: date | None = None
    requested_at: Instant
    received_at: Instant | None = None
    updated_at: Instant


class UnsellableUnits(Model):
    """Of a line: damaged, or not in the package."""

    line_no: Annotated[int, Field(ge=1)]
    quantity: Quantity


class ReceiveReturn(Model):
    """Units that are not named can be sold again. `fc_code`: where it came in, if not where it was expected."""

    model_config = example(unsellable=[{"line_no": 1, "quantity": 1}])

    fc_code: FacilityCode | None = None
    unsellable: Annotated[tuple[UnsellableUnits, ...], Field(max_length=LINES_MAX)] = ()


class ReturnedLine(Model):
    """What became of the units of a line."""

    line_no: int
    sku: Sku
    seller_id: UUID
    sellable: int
    unsellable: int


class ExpectedReturn(Model):
    """As the people of an FC see it. `lines` is empty until it is received."""

    return_id: UUID
    package_id: UUID
    order_id: UUID
    fc_code: FacilityCode
    reason: str
    status: ExpectedStatus
    pickup_on: date
    requested_at: Instant
    received_at: Instant | None = None
    received_by: str | None = None
    lines: tuple[ReturnedLine, ...] = ()


class DeliveredPackage(NamedTuple):
    """A package of an order, and when its customer got it. None: it is not known, or not there yet."""

    package: PackageOfOrder
    delivered_at: datetime | None


def refuse_return(order_status: OrderStatus, delivered: DeliveredPackage, now: datetime) -> None:
    """Raises ReturnRefused where the package is not its customer's to send back, or not any more."""
    package, at = delivered
    if order_status not in ("confirmed", "finished"):
        raise ReturnRefused(package.package_id, "order_not_confirmed")
    if package.status != "delivered" or at is None:
        raise ReturnRefused(package.package_id, "not_delivered")
    if now > at + RETURN_WITHIN:
        raise ReturnRefused(package.package_id, "too_late")


def refund_of(package: PackageOfOrder, lines: Iterable[OrderLine]) -> int:
    """Paise: the price of the package's units, as they were ordered."""
    price_of = {line.line_no: line.unit_price_paise for line in lines}
    return sum(price_of[line_no] * quantity for line_no, quantity in package.lines.items())


def counted(
    lines: Sequence[PackageLine], unsellable: Iterable[UnsellableUnits]
) -> tuple[ReturnedLine, ...]:
    """What became of each line's units. Raises InvalidRequest where more are unsellable than there were."""
    bad: dict[int, int] = {}
    for units in unsellable:
        bad[units.line_no] = bad.get(units.line_no, 0) + units.quantity
    _refuse_too_many(bad, {line.line_no: line.quantity for line in lines})
    return tuple(
        ReturnedLine(
            line_no=line.line_no,
            sku=line.sku,
            seller_id=line.seller_id,
            sellable=line.quantity - bad.get(line.line_no, 0),
            unsellable=bad.get(line.line_no, 0),
        )
        for line in lines
    )


def _refuse_too_many(bad: Mapping[int, int], sent: Mapping[int, int]) -> None:
    for line_no, units in bad.items():
        if units > sent.get(line_no, 0):
            raise InvalidRequest(
                f"Of line {line_no} the package has {sent.get(line_no, 0)} units.",
                "unsellable",
                "at most the units that were delivered",
            )
