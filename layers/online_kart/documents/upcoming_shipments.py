"""Upcoming inbound shipments of each FC (D1), and the log of all that happened to them (D2).

A shipment is in D1 from its announcement until it is received or cancelled. The log is written first: a crash
between leaves an entry of something that did not happen, which the repeat writes again, never a change without one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pymongo import IndexModel

from ..domain.base import Model
from ..domain.inbound import InboundShipment, ReceiptLine, ShipmentStatus
from .collection import Collection, Documents, answering, answering_each, forget_oldest

SHIPMENTS = "upcoming_shipments"
LOG = "upcoming_shipments_log"

LogWhat = Literal["announced", "amended", "cancelled", "received"]
STATUS_OF_END: dict[str, ShipmentStatus] = {"cancelled": "cancelled", "received": "received"}

COLLECTIONS = (
    Collection(
        SHIPMENTS,
        {
            "_id": "string",
            "sort_key": "string",
            "fc_code": "string",
            "seller_id": "string",
            "seller_name": "string",
            "expected_on": "string",
            "lines": "array",
            "version": ["int", "long"],
            "announced_at": "date",
            "updated_at": "date",
        },
        (
            IndexModel([("sort_key", 1)]),  # `listed`
            IndexModel([("fc_code", 1), ("sort_key", 1)]),  # `listed` of an FC
            IndexModel([("seller_id", 1), ("sort_key", 1)]),  # `listed` of a seller
        ),
    ),
    Collection(
        LOG,
        {
            "_id": "string",
            "asn": "string",
            "what": "string",
            "at": "date",
            "shipment": "object",
            "discrepancies": "array",
        },
        (
            IndexModel([("asn", 1), ("at", 1)]),  # `log_of`, `end_of`
            IndexModel([("at", 1)]),  # `logged_in`, `forget_log`
        ),
    ),
)


class LogEntry(Model):
    """`shipment` is the announcement as it was then; `discrepancies` are those of what was received."""

    what: LogWhat
    at: datetime
    shipment: InboundShipment
    discrepancies: Sequence[ReceiptLine] = ()


def sort_key(shipment: InboundShipment) -> str:
    """What lists are sorted by: the day it is expected on, then its number."""
    return f"{shipment.expected_on} {shipment.asn}"


@answering
def put(documents: Documents, shipment: InboundShipment) -> None:
    """Write, or write again."""
    documents[SHIPMENTS].replace_one(
        {"_id": shipment.asn}, {"sort_key": sort_key(shipment), **_content(shipment)}, upsert=True
    )


@answering
def remove(documents: Documents, asn: str) -> None:
    """Harmless where it is gone."""
    documents[SHIPMENTS].delete_one({"_id": asn})


@answering
def by_asn(documents: Documents, asn: str) -> InboundShipment | None:
    """None where none is upcoming."""
    document = documents[SHIPMENTS].find_one({"_id": asn})
    return _shipment(document) if document else None


@answering
def listed(
    documents: Documents,
    fc_codes: Sequence[str] | None,
    seller_id: UUID | None,
    after: str | None,
    limit: int,
) -> list[InboundShipment]:
    """The soonest first, beginning behind the sort key `after`; of some FCs, of one seller, or of all."""
    wanted: dict[str, Any] = {}
    if fc_codes is not None:
        wanted["fc_code"] = {"$in": list(fc_codes)}
    if seller_id is not None:
        wanted["seller_id"] = str(seller_id)
    if after is not None:
        wanted["sort_key"] = {"$gt": after}
    found = documents[SHIPMENTS].find(wanted).sort("sort_key", 1).limit(limit)
    return [_shipment(document) for document in found]


@answering
def append_log(documents: Documents, entry: LogEntry) -> None:
    """One entry for each change: a repeat writes the same one again."""
    shipment = entry.shipment
    documents[LOG].replace_one(
        {"_id": f"{shipment.asn} {shipment.version} {entry.what}"},
        {
            "asn": shipment.asn,
            "what": entry.what,
            "at": entry.at,
            "shipment": {"_id": shipment.asn, **_content(shipment)},
            "discrepancies": [line.model_dump() for line in entry.discrepancies],
        },
        upsert=True,
    )


@answering
def log_of(documents: Documents, asn: str) -> list[LogEntry]:
    """The oldest first. At most one entry for each change the shipment saw."""
    return [_entry(document) for document in documents[LOG].find({"asn": asn}).sort("at", 1)]


@answering
def end_of(documents: Documents, asn: str) -> LogEntry | None:
    """How the shipment ended. None where it has not; asked only where D1 does not have it."""
    document = documents[LOG].find_one({"asn": asn, "what": {"$in": list(STATUS_OF_END)}})
    return _entry(document) if document else None


@answering_each
def logged_in(documents: Documents, since: datetime, before: datetime) -> Iterator[str]:
    """The shipments that something happened to in that time; one several times where several things did."""
    wanted = {"at": {"$gte": since, "$lt": before}}
    for found in documents[LOG].find(wanted, {"asn": 1}).sort("at", 1):
        yield str(found["asn"])


@answering
def forget_log(documents: Documents, before: datetime, limit: int) -> int:
    """Remove up to so many entries of the log of before then. How many."""
    return forget_oldest(documents, LOG, "at", before, limit)


def _content(shipment: InboundShipment) -> dict[str, Any]:
    """As JSON, which keeps days and ids as text, but for instants."""
    return {
        **shipment.model_dump(mode="json", exclude={"asn"}),
        "announced_at": shipment.announced_at,
        "updated_at": shipment.updated_at,
    }


def _shipment(document: dict[str, Any]) -> InboundShipment:
    fields = {key: value for key, value in document.items() if key not in ("_id", "sort_key")}
    return InboundShipment(asn=document["_id"], **fields)


def _entry(document: dict[str, Any]) -> LogEntry:
    return LogEntry(
        what=document["what"],
        at=document["at"],
        shipment=_shipment(document["shipment"]),
        discrepancies=[ReceiptLine(**line) for line in document["discrepancies"]],
    )
