"""Returns: a customer sends units of a delivered package back, within RETURN_WITHIN, and gets the money for them back.

A courier of the FC that delivered them fetches them on a working day. Whoever receives them says which can't be sold
again; the others are in stock where they are. The refund is the price of the units that are sent back, whatever their
condition. What a customer keeps may be another return later, until nothing of the package is left.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, NamedTuple
from uuid import UUID, uuid5

from pydantic import Field

from .base import Model, example
from .errors import InvalidRequest, ReturnRefused
from .events import ReturnedUnits
from .orders import LINES_MAX, OrderLine, OrderStatus, PackageOfOrder
from .packages import PackageLine
from .payouts import Payout
from .values import FacilityCode, Instant, Paise, Quantity, Sentence, Sku

RETURN_WITHIN = timedelta(days=10)
"""Of the delivery. Long enough to unpack and try, short enough that what comes back is still sold."""

PICKUPS_MAX = 3
"""Of a return. As often as a delivery is tried: who is not there three times wants it no more."""

ReturnStatus = Literal["requested", "planned", "received", "refunded", "owed", "paid", "cancelled"]
ExpectedStatus = Literal["expected", "received", "cancelled"]
Reason = Annotated[Sentence, Field(examples=["It does not fit."])]


def return_id_of(package_id: UUID, number: int = 1) -> UUID:
    """Of the first, second … return of a package."""
    return uuid5(package_id, "return" if number == 1 else f"return {number}")


class RequestReturn(Model):
    """Without `lines`: all of the package that is not sent back yet."""

    model_config = example(
        package_id="0b6f1d0e-58a3-5c39-8f4e-6f3f6d1d7a52",
        reason="It does not fit.",
        lines=[{"line_no": 1, "quantity": 1}],
    )

    package_id: UUID
    reason: Reason
    lines: (
        Annotated[tuple[ReturnedUnits, ...], Field(min_length=1, max_length=LINES_MAX)] | None
    ) = None


class Return(Model):
    """As its customer sees it. `lines`: what goes back.

    `owed`: what was paid on delivery is paid back by people; then it is `paid`, and `payout` says how. `cancelled`:
    couriers came in vain too often, and `cancelled_because` is why they did the last time.
    """

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
    cancelled_because: str | None = None
    payout: Payout | None = None
    lines: tuple[ReturnedUnits, ...] = ()


class UnsellableUnits(Model):
    """Of a line: damaged, or not in the package."""

    line_no: Annotated[int, Field(ge=1)]
    quantity: Quantity


class ReceiveReturn(Model):
    """Units that are not named can be sold again. `fc_code`: where it came in, if not where it was expected."""

    model_config = example(unsellable=[{"line_no": 1, "quantity": 1}])

    fc_code: FacilityCode | None = None
    unsellable: Annotated[tuple[UnsellableUnits, ...], Field(max_length=LINES_MAX)] = ()


class FailPickup(Model):
    """A courier came in vain. `attempt`: the first, second or third of this return."""

    model_config = example(attempt=1, reason="Nobody was at home.")

    attempt: Annotated[int, Field(ge=1, le=PICKUPS_MAX)]
    reason: Reason


class ReturnedLine(Model):
    """What became of the units of a line."""

    line_no: int
    sku: Sku
    seller_id: UUID
    sellable: int
    unsellable: int


class ExpectedReturn(Model):
    """As the people of an FC see it.

    `attempt`: of the pickup to come, or that brought it. `units`: what the customer sends back. `lines`: what came, once
    it is received.
    """

    return_id: UUID
    package_id: UUID
    order_id: UUID
    fc_code: FacilityCode
    reason: str
    status: ExpectedStatus
    pickup_on: date
    attempt: int = 1
    failure_reason: str | None = None
    requested_at: Instant
    received_at: Instant | None = None
    received_by: str | None = None
    units: tuple[ReturnedUnits, ...] = ()
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


def units_to_return(
    package_id: UUID, left: Mapping[int, int], wanted: Iterable[ReturnedUnits] | None
) -> tuple[ReturnedUnits, ...]:
    """Line by line, what of a package goes back; None wants all that is left. `left`: line → units. Raises ReturnRefused."""
    units = dict(left) if wanted is None else summed_units(wanted)
    units = {line_no: quantity for line_no, quantity in units.items() if quantity}
    if not units or any(left.get(line_no, 0) < quantity for line_no, quantity in units.items()):
        raise ReturnRefused(package_id, "nothing_left")
    return tuple(
        ReturnedUnits(line_no=n, quantity=quantity) for n, quantity in sorted(units.items())
    )


def summed_units(lines: Iterable[ReturnedUnits | UnsellableUnits]) -> dict[int, int]:
    """Line → units: a line may be named twice."""
    units: dict[int, int] = {}
    for each in lines:
        units[each.line_no] = units.get(each.line_no, 0) + each.quantity
    return units


def refund_of(units: Iterable[ReturnedUnits], lines: Iterable[OrderLine]) -> int:
    """Paise: the price of the units, as they were ordered."""
    price_of = {line.line_no: line.unit_price_paise for line in lines}
    return sum(price_of[each.line_no] * each.quantity for each in units)


def counted(
    lines: Sequence[PackageLine],
    sent: Mapping[int, int],
    unsellable: Iterable[UnsellableUnits],
) -> tuple[ReturnedLine, ...]:
    """What became of the units that were sent back: line → units. Raises InvalidRequest where more are unsellable."""
    bad = summed_units(unsellable)
    _refuse_too_many(bad, sent)
    return tuple(
        ReturnedLine(
            line_no=line.line_no,
            sku=line.sku,
            seller_id=line.seller_id,
            sellable=sent[line.line_no] - bad.get(line.line_no, 0),
            unsellable=bad.get(line.line_no, 0),
        )
        for line in lines
        if line.line_no in sent
    )


def _refuse_too_many(bad: Mapping[int, int], sent: Mapping[int, int]) -> None:
    for line_no, units in bad.items():
        if units > sent.get(line_no, 0):
            raise InvalidRequest(
                f"Of line {line_no} {sent.get(line_no, 0)} units were sent back.",
                "unsellable",
                "at most the units that were sent back",
            )
