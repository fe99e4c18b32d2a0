"""Couriers who come in vain for what a customer sends back: they come again, PICKUPS_MAX times in all.

Locks: the package, then its return's rows.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import AttemptConflict, ReturnStatusConflict
from online_kart.domain.events import ReturnCancelled, ReturnPlanned
from online_kart.domain.principals import Principal
from online_kart.domain.returns import PICKUPS_MAX, ExpectedReturn, FailPickup
from online_kart.inventory_db import packages, returns
from online_kart.messaging import outbox

from .package_events import Step, record
from .returns import by_id, next_pickup_on

Documents = Database[dict[str, Any]]

ABOUT = {"return_id", "order_id", "package_id"}
"""Fields of a return that its events tell."""


def fail(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    return_id: UUID,
    command: FailPickup,
    now: datetime,
) -> ExpectedReturn:
    """The attempt was in vain: there is another on the next working day; after the last the return is cancelled.

    A repeat changes nothing. Raises NotFound, NotYourFacility; ReturnStatusConflict where it is back; AttemptConflict
    where the attempt is still to come.
    """
    with conn.transaction():
        packages.lock(conn, by_id(conn, return_id).package_id)
        expected = by_id(conn, return_id)
        by.require_facility(expected.fc_code)
        if expected.status == "received":
            raise ReturnStatusConflict(return_id, expected.status, "fetched in vain")
        if command.attempt > expected.attempt:
            raise AttemptConflict(expected.package_id, expected.attempt, command.attempt)
        if expected.status == "cancelled" or command.attempt < expected.attempt:
            return expected
        if expected.attempt < PICKUPS_MAX:
            _plan_another(conn, documents, by, expected, command, now)
        else:
            _cancel(conn, documents, by, expected, command, now)
        crashpoint("fail_pickup.written")
    crashpoint("fail_pickup.committed")
    return by_id(conn, return_id)


def _plan_another(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    expected: ExpectedReturn,
    command: FailPickup,
    now: datetime,
) -> None:
    pickup_on = next_pickup_on(conn, expected.fc_code, now)
    returns.plan_again(conn, expected.return_id, command.reason, pickup_on)
    _note(conn, documents, "pickup_failed", by, expected, command, now)
    outbox.append(
        conn,
        ReturnPlanned(
            occurred_at=now,
            by=by.name,
            fc_code=expected.fc_code,
            pickup_on=pickup_on,
            **expected.model_dump(include=ABOUT),
        ),
    )


def _cancel(
    conn: Connection[Any],
    documents: Documents,
    by: Principal,
    expected: ExpectedReturn,
    command: FailPickup,
    now: datetime,
) -> None:
    """Its customer keeps the units, and may ask again as long as there is time."""
    returns.cancel(conn, expected.return_id, command.reason)
    _note(conn, documents, "return_cancelled", by, expected, command, now)
    told = expected.model_dump(include=ABOUT)
    outbox.append(conn, ReturnCancelled(occurred_at=now, by=by.name, reason=command.reason, **told))


def _note(
    conn: Connection[Any],
    documents: Documents,
    what: str,
    by: Principal,
    expected: ExpectedReturn,
    command: FailPickup,
    now: datetime,
) -> None:
    detail = {"reason": command.reason, "attempt": command.attempt}
    step = Step(expected.package_id, what, by.name, expected.fc_code, detail=detail)
    record(conn, documents, [step], now)
