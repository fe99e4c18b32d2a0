"""Packages that their customers send back: when a courier fetches them, and what of their units is in stock again.

Locks: the package, then its return's rows, then stock.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import (
    FacilityNotOpen,
    NotFound,
    PackageStatusConflict,
    ReturnStatusConflict,
)
from online_kart.domain.events import ReturnPlanned, ReturnReceived, ReturnRequested
from online_kart.domain.packages import Package, PackageLine
from online_kart.domain.principals import Principal
from online_kart.domain.returns import (
    ExpectedReturn,
    ExpectedStatus,
    ReceiveReturn,
    ReturnedLine,
    UnsellableUnits,
    counted,
    units_to_return,
)
from online_kart.inventory_db import facilities, packages, returns, sales, stock
from online_kart.messaging import inbox, outbox
from online_kart.messaging.consumer import Envelope

from . import deliveries
from .package_events import Step, record

Documents = Database[dict[str, Any]]

TAKE = "take_returns"


def take(conn: Connection[Any], documents: Documents, envelope: Envelope, now: datetime) -> None:
    """Plan the pickup: on the next working day of the FC that delivered the package. A repeat changes nothing.

    Raises NotFound; PackageStatusConflict where the package is not with its customer, ReturnRefused where so many units
    are not.
    """
    event = ReturnRequested.read(envelope.detail)
    with conn.transaction():
        if not inbox.first_time(conn, TAKE, envelope.id, now):
            return
        package = _locked(conn, event.package_id)
        if package.status != "delivered" or package.at_facility is None:
            raise PackageStatusConflict(event.package_id, package.status, "returned")
        expected = _expected(conn, event, package, package.at_facility, now)
        returns.insert(conn, expected)
        detail = {"reason": event.reason, "pickup_on": expected.pickup_on.isoformat()}
        step = Step(package.package_id, "return_planned", TAKE, expected.fc_code, detail=detail)
        record(conn, documents, [step], now)
        outbox.append(
            conn,
            ReturnPlanned(
                occurred_at=now,
                by=TAKE,
                **expected.model_dump(
                    include={"return_id", "order_id", "package_id", "fc_code", "pickup_on"}
                ),
            ),
        )
        crashpoint("take_return.written")


def _expected(
    conn: Connection[Any], event: ReturnRequested, package: Package, fc_code: str, now: datetime
) -> ExpectedReturn:
    return ExpectedReturn(
        return_id=event.return_id,
        package_id=event.package_id,
        order_id=event.order_id,
        fc_code=fc_code,
        reason=event.reason,
        status="expected",
        pickup_on=next_pickup_on(conn, fc_code, now),
        requested_at=event.occurred_at,
        units=units_to_return(
            package.package_id, _with_customer(conn, package.package_id), event.lines or None
        ),
    )


def next_pickup_on(conn: Connection[Any], fc_code: str, now: datetime) -> date:
    """The next day on which a courier of the FC can fetch something."""
    calendar = facilities.facility(conn, fc_code).calendar
    tomorrow = now.astimezone(ZoneInfo(calendar.time_zone)).date() + timedelta(days=1)
    return calendar.working_day_from(tomorrow)


def _with_customer(conn: Connection[Any], package_id: UUID) -> dict[int, int]:
    """Line → units that are not sent back yet."""
    sent_back = returns.sent_by_line(conn, package_id)
    return {
        line.line_no: line.quantity - sent_back.get(line.line_no, 0)
        for line in packages.lines_of(conn, [package_id])[package_id]
    }


def _locked(conn: Connection[Any], package_id: UUID) -> Package:
    """Until the transaction ends. Raises NotFound."""
    package = packages.lock(conn, package_id)
    if package is None:
        raise NotFound("package", package_id)
    return package


class _Received(NamedTuple):
    """Where, by whom, and what can't be sold again."""

    fc_code: str
    by: str
    unsellable: Sequence[UnsellableUnits]


def receive(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    return_id: UUID,
    command: ReceiveReturn,
    now: datetime,
) -> ExpectedReturn:
    """It is back in an FC: what can be sold again is in stock there, and its sales are taken off the totals.

    A repeat changes nothing, also one that counts otherwise. Raises NotFound, InvalidRequest, NotYourFacility,
    FacilityNotOpen; ReturnStatusConflict where it was cancelled.
    """
    with conn.transaction():
        package_id = by_id(conn, return_id).package_id
        package = _locked(conn, package_id)
        expected = by_id(conn, return_id)
        fc_code = command.fc_code or expected.fc_code
        by.require_facility(fc_code)
        if expected.status == "received":
            return expected
        if expected.status == "cancelled":
            raise ReturnStatusConflict(return_id, expected.status, "received")
        received = _Received(fc_code, by.name, command.unsellable)
        _receive(conn, documents, expected, package, received, now)
        crashpoint("receive_return.written")
    crashpoint("receive_return.committed")
    return by_id(conn, return_id)


def _receive(
    conn: Connection[Any],
    documents: Documents,
    expected: ExpectedReturn,
    package: Package,
    received: _Received,
    now: datetime,
) -> None:
    """In the caller's transaction, with the package locked."""
    fc_code, by, unsellable = received
    _refuse_where_nobody_works(conn, fc_code)
    of_package = packages.lines_of(conn, [package.package_id])[package.package_id]
    units = expected.units or of_package  # taken by a release that knew whole packages only
    lines = counted(of_package, {each.line_no: each.quantity for each in units}, unsellable)
    returns.set_received(conn, expected.return_id, fc_code, lines, by, now)
    record(conn, documents, [_came_back(conn, package, of_package, lines, by, fc_code)], now)
    stock.take_back(conn, fc_code, expected.return_id, lines, by, now)
    taken_off = sales.record_return(conn, expected.return_id, now)
    outbox.append(conn, *(deliveries.sale_recorded(sale, now) for sale in taken_off))
    outbox.append(
        conn,
        ReturnReceived(
            occurred_at=now,
            by=by,
            fc_code=fc_code,
            **expected.model_dump(include={"return_id", "order_id", "package_id"}),
        ),
    )


def _came_back(
    conn: Connection[Any],
    package: Package,
    of_package: Sequence[PackageLine],
    came: Sequence[ReturnedLine],
    by: str,
    fc_code: str,
) -> Step:
    """With the last of its units the package is returned; until then its customer has the rest."""
    back = returns.back_by_line(conn, package.package_id)
    is_whole = all(back.get(line.line_no, 0) == line.quantity for line in of_package)
    return Step(
        package.package_id,
        "returned" if is_whole else "partly_returned",
        by,
        fc_code,
        {"status": "returned"} if is_whole else {},
        detail={
            "units": sum(line.sellable + line.unsellable for line in came),
            "unsellable_units": sum(line.unsellable for line in came),
        },
    )


def _refuse_where_nobody_works(conn: Connection[Any], fc_code: str) -> None:
    """Raises NotFound where there is no such FC, FacilityNotOpen where it is closed."""
    if facilities.facility(conn, fc_code).is_hub:
        raise NotFound("FC", fc_code)
    status = facilities.status_of(conn, fc_code)
    if status == "closed":
        raise FacilityNotOpen(fc_code, status)


def by_id(conn: Connection[Any], return_id: UUID) -> ExpectedReturn:
    """Raises NotFound."""
    found = returns.by_id(conn, return_id)
    if found is None:
        raise NotFound("return", return_id)
    return found


def listed(
    conn: Connection[Any],
    fc_codes: Sequence[str] | None,
    status: ExpectedStatus | None,
    after: tuple[str, str, date, UUID] | None,
    limit: int,
) -> Sequence[ExpectedReturn]:
    """Of some FCs, or of any, after the sort key (fc_code, status, pickup_on, return_id)."""
    return returns.listed(conn, fc_codes, status, after, limit)
