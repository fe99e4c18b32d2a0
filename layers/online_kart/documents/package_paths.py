"""The path that each package is supposed to take, with planned, expected and actual times of every stop (D3).

A path is written before the transaction of PostgreSQL that relies on it commits, under the lock of the package's row.
So it may be ahead of its row after a crash, never behind it; the next change has a version later than both and
overwrites it. An older version never overwrites a newer one.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ..domain.package_paths import PackagePath
from .collection import Collection, Documents, answering, answering_each

PATHS = "package_paths"
DUPLICATE_KEY = 11000

COLLECTIONS = (
    Collection(
        PATHS,
        {
            "_id": "string",
            "order_id": "string",
            "status": "string",
            "version": ["int", "long"],
            "stops": "array",
        },
        (
            IndexModel([("order_id", 1)]),  # `by_order`
            IndexModel([("ready_at", 1)]),  # `ready_in`
        ),
    ),
)


@answering
def put(documents: Documents, path: PackagePath) -> bool:
    """Write the path. False where what is there is newer."""
    document = _document(path)
    try:
        documents[PATHS].replace_one(_not_newer(path), document, upsert=True)
    except DuplicateKeyError:  # the newer one did not match, and its id is taken
        return False
    return True


@answering
def put_many(documents: Documents, paths: Iterable[PackagePath]) -> None:
    """Write the paths in one go. Where what is there is newer, it stays."""
    writes = [ReplaceOne(_not_newer(path), _document(path), upsert=True) for path in paths]
    if not writes:
        return
    try:
        documents[PATHS].bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        codes = {each["code"] for each in error.details.get("writeErrors", [])}
        if codes != {DUPLICATE_KEY} or error.details.get("writeConcernErrors"):
            raise


@answering
def by_id(documents: Documents, package_id: UUID) -> PackagePath | None:
    """None where no path is known."""
    document = documents[PATHS].find_one({"_id": str(package_id)})
    return _path(document) if document else None


@answering
def by_ids(documents: Documents, package_ids: Iterable[UUID]) -> list[PackagePath]:
    """In the order of their packages' ids. Unknown ids are left out."""
    wanted = [str(package_id) for package_id in package_ids]
    return _paths(documents[PATHS].find({"_id": {"$in": wanted}}))


@answering
def by_order(documents: Documents, order_id: UUID) -> list[PackagePath]:
    """In the order of their packages' ids."""
    return _paths(documents[PATHS].find({"order_id": str(order_id)}))


@answering_each
def ready_in(documents: Documents, since: datetime, before: datetime) -> Iterator[str]:
    """Ids of packages that were to be ready in that time."""
    wanted = {"ready_at": {"$gte": since, "$lt": before}}
    for found in documents[PATHS].find(wanted, {"_id": 1}).sort("ready_at", 1):
        yield str(found["_id"])


@answering
def remove(documents: Documents, package_id: UUID) -> None:
    """For a path that no package relies on. Harmless where it is gone."""
    documents[PATHS].delete_one({"_id": str(package_id)})


def _paths(found: Iterable[dict[str, Any]]) -> list[PackagePath]:
    return [_path(document) for document in sorted(found, key=lambda each: str(each["_id"]))]


def _not_newer(path: PackagePath) -> dict[str, Any]:
    return {"_id": str(path.package_id), "version": {"$lte": path.version}}


def _document(path: PackagePath) -> dict[str, Any]:
    """Moments as BSON dates; what BSON has no type for (dates, times, UUIDs) as text."""
    document = path.model_dump(mode="json", exclude={"package_id", "stops", "ready_at"})
    stops = [_stop_document(stop.model_dump(), stop.model_dump(mode="json")) for stop in path.stops]
    return {
        "_id": str(path.package_id),
        **document,
        "ready_at": path.ready_at,
        "stops": stops,
    }


def _stop_document(values: dict[str, Any], as_json: dict[str, Any]) -> dict[str, Any]:
    return {key: values[key] if key.endswith("_at") else as_json[key] for key in values}


def _path(document: dict[str, Any]) -> PackagePath:
    fields = {key: value for key, value in document.items() if key != "_id"}
    return PackagePath.model_validate({**fields, "package_id": document["_id"]})
