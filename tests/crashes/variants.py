"""Functions that are broken on purpose, in ways that go well for months: what does not see them proves nothing.

Each takes the place of the real one in a world. They use what the real one uses, but for the one thing that is left out.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from chalice.app import SQSEvent
from psycopg import Connection

from customer_app.chalicelib import wiring as customer_wiring
from fulfillment_app.chalicelib import wiring
from fulfillment_app.chalicelib.services import line_haul
from fulfillment_app.chalicelib.steps.move_batch import BatchStep, _answer
from local.lambdas import Handler
from online_kart.crashpoints import crashpoint
from online_kart.domain.events import PackageChanged
from online_kart.messaging import inbox
from online_kart.messaging.bus import OutboxRow
from online_kart.messaging.consumer import Envelope, handle_each
from tests.crashes.processes import FUNCTIONS

DUAL_WRITE = "dual_write.committed"
"""The crash point between the commit and what tells of it, which an outbox does not have."""


def depart_batch_without_outbox(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A dual write: the change is committed, and its events are published afterwards, by whoever lives on."""
    event.pop("run")  # as the app's middleware does
    step, conn, settings = BatchStep.model_validate(event), wiring.inventory_db(), wiring.settings()
    with conn.transaction():
        told_before = _last_position(conn)
        outcome = line_haul.depart(
            conn,
            wiring.documents(),
            step.batch_id,
            step.revision,
            settings.hop_limit,
            wiring.now(),
        )
        untold = _taken_from_outbox(conn, told_before)
    crashpoint(DUAL_WRITE)
    wiring.bus().publish("kart.inventory", untold)
    return _answer(step, outcome, "check_wall_at")


def _last_position(conn: Connection[Any]) -> int:
    row = conn.execute("SELECT max(position) FROM outbox").fetchone()
    assert row is not None
    return int(row[0])


def _taken_from_outbox(conn: Connection[Any], after: int) -> list[OutboxRow]:
    """What the relay would send; it is left there as sent, so that only what was never published is missing."""
    return conn.execute(
        """
        UPDATE outbox SET sent_at = occurred_at WHERE position > %s
        RETURNING event_id, type, payload, occurred_at
        """,
        [after],
    ).fetchall()


def track_packages_without_inbox(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A consumer that takes each event as it comes, whether it knows it or not: the last one to come wins."""
    return dict(handle_each(SQSEvent(event, cast(Any, context)), _track_package))


def _track_package(envelope: Envelope) -> None:
    changed, conn = PackageChanged.model_validate(envelope.detail), customer_wiring.customer_db()
    with conn.transaction():
        inbox.first_time(
            conn, "track_packages", envelope.id, changed.occurred_at
        )  # it never looks there
        conn.execute(
            "UPDATE packages SET status = %s, version = %s WHERE package_id = %s",
            [changed.status, changed.version, changed.package_id],
        )


def with_broken(
    **broken: Callable[[dict[str, Any], object], dict[str, Any]],
) -> Mapping[str, Handler]:
    """All functions, with these in place of the real ones."""
    return {**FUNCTIONS, **broken}
