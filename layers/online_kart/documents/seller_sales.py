"""What each seller sold: FC, item, count, amount, when (D8). A projection: an entry is an event's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pymongo import IndexModel

from ..domain.sellers import SalesFilter, SoldLine, SoldTotal
from .collection import Collection, Documents, answering, answering_each, milliseconds

SELLER_SALES = "seller_sales"

COLLECTIONS = (
    Collection(
        SELLER_SALES,
        {
            "_id": "string",
            "sort_key": "string",
            "place": "string",
            "seller_id": "string",
            "sku": "string",
            "fc_code": "string",
            "quantity": ["int", "long"],
            "amount_paise": ["int", "long"],
            "sold_at": "date",
        },
        (
            IndexModel([("seller_id", 1), ("sort_key", -1)]),  # `listed`
            IndexModel([("seller_id", 1), ("fc_code", 1), ("sort_key", -1)]),  # `listed` of an FC
            IndexModel([("seller_id", 1), ("sku", 1), ("sort_key", -1)]),  # `listed` of an item
            IndexModel([("seller_id", 1), ("place", 1)]),  # `totals`
            IndexModel([("sold_at", 1), ("_id", 1)]),  # `sold_in`
        ),
    ),
)


def sort_key(sale: SoldLine) -> str:
    """What lists are sorted by: the moment in UTC, to the millisecond (as stored), then the sale's id."""
    return f"{_moment(sale.sold_at)} {sale.sale_id}"


def _start_of(at: datetime) -> str:
    """What is above the sort keys of all sales before the moment, and below those of the moment and after.

    The moment by itself would do, if the local store compared a text with a longer one that begins with it rightly
    where an index is descending. So this begins like the keys of the millisecond before, and no key begins like this.
    """
    return f"{_moment(at - timedelta(milliseconds=1))}~"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def place(fc_code: str, sku: str) -> str:
    """What totals are grouped by. Neither code has a space."""
    return f"{fc_code} {sku}"


@answering
def put(documents: Documents, sale: SoldLine) -> None:
    """Write, or write again."""
    documents[SELLER_SALES].replace_one(
        {"_id": str(sale.sale_id)},
        {
            **sale.model_dump(mode="json", exclude={"sale_id"}),
            "sold_at": sale.sold_at,
            "sort_key": sort_key(sale),
            "place": place(sale.fc_code, sale.sku),
        },
        upsert=True,
    )


@answering
def listed(
    documents: Documents,
    seller_id: UUID,
    sales: SalesFilter,
    behind: str | None,
    limit: int,
) -> list[SoldLine]:
    """The newest first, beginning behind the sort key `behind`."""
    wanted = _wanted(seller_id, sales, behind)
    found = documents[SELLER_SALES].find(wanted, {"sort_key": 0, "place": 0})
    return [
        SoldLine(sale_id=document.pop("_id"), **document)
        for document in found.sort("sort_key", -1).limit(limit)
    ]


@answering
def totals(
    documents: Documents,
    seller_id: UUID,
    sales: SalesFilter,
    after: str | None,
    limit: int,
) -> list[SoldTotal]:
    """By FC and SKU, beginning behind the place `after`."""
    wanted = _wanted(seller_id, sales)
    if after is not None:
        wanted["place"] = {"$gt": after}
    groups = documents[SELLER_SALES].aggregate(
        [
            {"$match": wanted},
            {
                "$group": {
                    "_id": "$place",
                    "quantity": {"$sum": "$quantity"},
                    "amount_paise": {"$sum": "$amount_paise"},
                }
            },
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
    )
    return [_total(group) for group in groups]


def _wanted(seller_id: UUID, sales: SalesFilter, behind: str | None = None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"seller_id": str(seller_id)}
    if sales.fc_code is not None:
        wanted["fc_code"] = sales.fc_code
    if sales.sku is not None:
        wanted["sku"] = sales.sku
    ends = [each for each in (behind, sales.before and _start_of(sales.before)) if each]
    times = {"$gte": sales.since and _start_of(sales.since), "$lt": min(ends, default=None)}
    if given := {operator: key for operator, key in times.items() if key}:
        wanted["sort_key"] = given
    return wanted


def _total(group: dict[str, Any]) -> SoldTotal:
    fc_code, sku = group["_id"].split(" ")
    return SoldTotal(
        fc_code=fc_code,
        sku=sku,
        quantity=group["quantity"],
        amount_paise=group["amount_paise"],
    )


# For reconciliations


@answering_each
def sold_in(
    documents: Documents, since: datetime, before: datetime
) -> Iterator[tuple[str, list[Any]]]:
    """ "<milliseconds> <sale id>" → seller id, SKU, FC, quantity, amount; by key."""
    fields = ("seller_id", "sku", "fc_code", "quantity", "amount_paise")
    wanted = {"sold_at": {"$gte": since, "$lt": before}}
    found = documents[SELLER_SALES].find(wanted, dict.fromkeys((*fields, "sold_at"), 1))
    for each in found.sort([("sold_at", 1), ("_id", 1)]):
        key = f"{milliseconds(each['sold_at']):015} {each['_id']}"
        yield key, [each[field] for field in fields]


@answering
def remove(documents: Documents, sale_id: str) -> None:
    """Harmless where it is gone."""
    documents[SELLER_SALES].delete_one({"_id": sale_id})
