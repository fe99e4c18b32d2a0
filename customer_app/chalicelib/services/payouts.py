"""Writing down that people have paid what a return is owed. The money itself goes another way: a bank's, or by hand."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import payouts, returns
from online_kart.domain.errors import InvalidRequest, NotFound, ReturnStatusConflict
from online_kart.domain.events import ReturnPaid
from online_kart.domain.payouts import Payout, RecordPayout
from online_kart.domain.principals import Principal
from online_kart.domain.returns import Return
from online_kart.messaging import outbox

from .returns import by_id


def record(
    conn: Connection[Any],
    by: Principal,
    order_id: UUID,
    return_id: UUID,
    command: RecordPayout,
    now: datetime,
) -> Return:
    """The return is paid. A repeat with the same reference changes nothing.

    Raises NotFound; InvalidRequest where another amount is owed; ReturnStatusConflict where nothing is owed, or it was
    paid otherwise.
    """
    with conn.transaction():
        known = returns.lock(conn, return_id)
        if known is None or known.order_id != order_id:
            raise NotFound("return of this order", return_id)
        _refuse_another_amount(known, command)
        if known.payout and known.payout.reference == command.reference:
            return known
        if known.status != "owed":
            raise ReturnStatusConflict(return_id, known.status, "paid")
        payouts.insert(
            conn, return_id, Payout(**command.model_dump(), paid_by=by.name, paid_at=now)
        )
        returns.set_paid(conn, return_id, now)
        outbox.append(conn, _paid(known, command, by.name, now))
        crashpoint("record_payout.written")
    crashpoint("record_payout.committed")
    return by_id(conn, order_id, return_id)


def _refuse_another_amount(known: Return, command: RecordPayout) -> None:
    if command.amount_paise != known.refund_paise:
        raise InvalidRequest(
            f"Return {known.return_id} is owed {known.refund_paise} paise.",
            "amount_paise",
            "the refund_paise of the return",
        )


def _paid(known: Return, command: RecordPayout, by: str, now: datetime) -> ReturnPaid:
    return ReturnPaid(
        occurred_at=now,
        by=by,
        return_id=known.return_id,
        order_id=known.order_id,
        package_id=known.package_id,
        amount_paise=command.amount_paise,
        reference=command.reference,
    )
