"""The log of orders, their paths and timings (D4): append-only, one entry an event."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import IndexModel

from ..domain.order_log import OrderLogEntry
from ..domain.reconciliation import ORDER_LOG, Findings, compare_entry
from .collection import Collection, Documents, answering, answering_each, forget_oldest, in_groups

LOG = "order_log"

NOT_LOGGED = frozenset({"event_id", "occurred_at", "order_id"})
"""What of an event is no detail: the entry has it in fields of its own."""

COMPARED_AT_ONCE = 200
READ_AT_ONCE_MAX = 1_000

COLLECTIONS = (
    Collection(
        LOG,
        {"_id": "string", "order_id": "string", "what": "string", "detail": "object", "at": "date"},
        (
            IndexModel([("order_id", 1), ("at", 1)]),  # `of_order`
            IndexModel([("at", 1)]),  # `ids_in`, `forget`
        ),
    ),
)


def detail_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry keeps of its event."""
    return {key: value for key, value in payload.items() if key not in NOT_LOGGED}


@answering
def append(
    documents: Documents,
    event_id: UUID,
    order_id: UUID | str,
    what: str,
    detail: dict[str, Any],
    at: datetime,
) -> None:
    """Add the event's entry. A repeat changes nothing."""
    documents[LOG].update_one(
        {"_id": str(event_id)},
        {"$setOnInsert": {"order_id": str(order_id), "what": what, "detail": detail, "at": at}},
        upsert=True,
    )


@answering
def of_order(
    documents: Documents,
    order_id: UUID,
    after: tuple[datetime, UUID] | None = None,
    limit: int = READ_AT_ONCE_MAX,
) -> list[OrderLogEntry]:
    """The oldest first, after the sort key (at, event id)."""
    wanted: dict[str, Any] = {"order_id": str(order_id)}
    if after is not None:
        at, event_id = after
        same = {"at": at, "_id": {"$gt": str(event_id)}}
        wanted["$or"] = [{"at": {"$gt": at}}, same]
    found = documents[LOG].find(wanted).sort([("at", 1), ("_id", 1)]).limit(limit)
    return [_entry(document) for document in found]


def _entry(document: dict[str, Any]) -> OrderLogEntry:
    detail = document["detail"]
    return OrderLogEntry(
        event_id=document["_id"],
        what=document["what"],
        at=document["at"],
        by=detail.get("by", "unknown"),
        detail={key: value for key, value in detail.items() if key != "by"},
    )


# For reconciliations


@answering
def entries(documents: Documents, event_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Event id → its entry: order_id, what, detail. Those that are not there are left out."""
    fields = {"order_id": 1, "what": 1, "detail": 1}
    found = documents[LOG].find({"_id": {"$in": list(event_ids)}}, fields)
    return {str(entry.pop("_id")): entry for entry in found}


@answering_each
def ids_in(documents: Documents, since: datetime, before: datetime) -> Iterator[str]:
    """Of the events that occurred in that time."""
    wanted = {"at": {"$gte": since, "$lt": before}}
    for found in documents[LOG].find(wanted, {"_id": 1}).sort("at", 1):
        yield str(found["_id"])


@answering
def compare(
    documents: Documents, events: Iterable[tuple[str, Sequence[Any]]], findings: Findings
) -> int:
    """Whether each event has its entry, as it was told. How many. Events: id → type, aggregate's id, payload, …"""
    count = 0
    for some in in_groups(events, COMPARED_AT_ONCE):
        found = entries(documents, [event_id for event_id, _ in some])
        for event_id, (type_, _, payload, *_) in some:
            right = {
                "order_id": payload["order_id"],
                "what": type_,
                "detail": detail_of(payload),
            }
            compare_entry(findings, ("log_orders", ORDER_LOG), event_id, right, found.get(event_id))
        count += len(some)
    findings.checked(12, ORDER_LOG, count)
    return count


@answering
def restore(
    documents: Documents, event_id: str, what: str, payload: Mapping[str, Any], at: datetime
) -> None:
    """Make the event's entry what it was."""
    documents[LOG].replace_one(
        {"_id": event_id},
        {
            "order_id": payload["order_id"],
            "what": what,
            "detail": detail_of(payload),
            "at": at,
        },
        upsert=True,
    )


@answering
def forget(documents: Documents, before: datetime, limit: int) -> int:
    """Remove up to so many entries of before then. How many."""
    return forget_oldest(documents, LOG, "at", before, limit)
