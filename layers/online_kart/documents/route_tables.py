"""Route tables of FCs (D5) and hubs (D6), by version, and which version is current.

A table's document never changes once its version is current: `BLR1@17` is the table of BLR1 as it
was written for version 17. The *manifest* of version 20 says for each facility which document is
its table: `BLR1@17` still, if nothing changed for it since. So a build writes what differs, and a
version is whole the moment the pointer to its manifest is moved, which is one guarded write.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pymongo import IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ..domain.errors import NotFound, Unavailable
from ..domain.network import FacilityKind
from ..domain.routes import RouteTable
from .collection import NUMBER, Collection, Documents, answering, in_groups

FC_TABLES = "fc_route_tables"
HUB_TABLES = "hub_route_tables"
VERSIONS = "route_versions"
POINTER = "current_route_version"

_TABLE: dict[str, str | list[str]] = {
    "_id": "string",
    "facility": "string",
    "version": NUMBER,
    "routes": "array",
}

COLLECTIONS = (
    Collection(
        FC_TABLES,  # D5
        {**_TABLE, "own_ranges": "array", "default_routes": "array"},
        (IndexModel([("version", 1)]),),  # `prune`
    ),
    Collection(
        HUB_TABLES,  # D6
        {**_TABLE, "hub_routes": "array"},
        (IndexModel([("version", 1)]),),  # `prune`
    ),
    Collection(VERSIONS, {"_id": NUMBER, "tables": "object", "digests": "object"}),
    Collection(POINTER, {"_id": "string", "version": NUMBER, "previous": NUMBER}),
)

WRITTEN_AT_ONCE = 50
DUPLICATE_KEY = 11000
READ_AT_ONCE = 100
KEYS_AT_ONCE = 20
"""Of one `$in`. The embedded store's time grows faster than their number; with 20 it is even."""
SWITCH_ATTEMPTS_MAX = 10


# -- tables


def document_id(code: str, version: int) -> str:
    return f"{code}@{version}"


def _collection_of(kind: FacilityKind) -> str:
    return FC_TABLES if kind is FacilityKind.FC else HUB_TABLES


@answering
def put_tables(documents: Documents, version: int, tables: Iterable[RouteTable]) -> None:
    """Write tables of a version, or write them again."""
    by_collection: dict[str, list[dict[str, Any]]] = {FC_TABLES: [], HUB_TABLES: []}
    for table in tables:
        document = {"_id": document_id(table.facility, version), **table.as_document()}
        by_collection[_collection_of(table.kind)].append({**document, "version": version})
    for collection, written in by_collection.items():
        for some in in_groups(written, WRITTEN_AT_ONCE):
            _put(documents, collection, some)


def _put(documents: Documents, collection: str, written: Sequence[dict[str, Any]]) -> None:
    """An insert takes half of a replacement's time; only a repeat finds documents there, and replaces them."""
    try:
        documents[collection].insert_many(written, ordered=False)
    except BulkWriteError as error:
        refused = error.details["writeErrors"]
        if any(each["code"] != DUPLICATE_KEY for each in refused):
            raise
        again = [written[each["index"]] for each in refused]
        replacements = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in again]
        documents[collection].bulk_write(replacements, ordered=False)


@answering
def table(documents: Documents, code: str, version: int) -> RouteTable:
    """The table of a facility in a version that is or was current. Raises NotFound."""
    return table_in(documents, code, manifest(documents, version))


@answering
def table_in(documents: Documents, code: str, manifest: "Manifest") -> RouteTable:
    """The table of a facility, by the manifest of a version. Raises NotFound, or Unavailable if it was pruned."""
    if code not in manifest.tables:
        raise NotFound("route table of facility", code)
    key = {"_id": document_id(code, manifest.tables[code])}
    for collection in (FC_TABLES, HUB_TABLES):
        found = documents[collection].find_one(key)
        if found:
            return RouteTable.from_document(found)
    raise Unavailable(f"Version {manifest.version} of the route tables was removed meanwhile.")


@answering
def tables_in(
    documents: Documents, codes: Iterable[str], manifest: "Manifest"
) -> dict[str, RouteTable]:
    """The tables of facilities that are in the manifest, many a request. Raises Unavailable if one was pruned."""
    keys = [document_id(code, manifest.tables[code]) for code in codes]
    found = [
        RouteTable.from_document(document)
        for some in in_groups(keys, READ_AT_ONCE)
        for collection in (FC_TABLES, HUB_TABLES)
        for document in documents[collection].find({"_id": {"$in": some}})
    ]
    if len(found) < len(keys):
        raise Unavailable(f"Version {manifest.version} of the route tables was removed meanwhile.")
    return {table.facility: table for table in found}


@answering
def missing_tables(documents: Documents, tables: Mapping[str, int]) -> list[str]:
    """The codes whose documents are not there, of {code: version in which it was written}."""
    wanted = {document_id(code, version): code for code, version in tables.items()}
    for collection in (FC_TABLES, HUB_TABLES):
        for some in in_groups(list(wanted), KEYS_AT_ONCE):
            for found in documents[collection].find({"_id": {"$in": some}}, {"_id": 1}):
                wanted.pop(found["_id"], None)
    return sorted(wanted.values())


# -- versions


@dataclass(frozen=True)
class Manifest:
    """The tables of one version: {code: version in which it was written}, their digests, and the FCs' home hubs.

    `edition` is that of the rules by which its tables were made: 0 where nobody noted it.
    """

    version: int
    tables: Mapping[str, int]
    digests: Mapping[str, str]
    home_hubs: Mapping[str, str | None] = field(default_factory=dict)
    edition: int = 0


NO_TABLES = Manifest(version=0, tables={}, digests={})


@answering
def put_manifest(documents: Documents, manifest: Manifest) -> None:
    documents[VERSIONS].replace_one(
        {"_id": manifest.version},
        {
            "tables": dict(manifest.tables),
            "digests": dict(manifest.digests),
            "home_hubs": dict(manifest.home_hubs),
            "edition": manifest.edition,
        },
        upsert=True,
    )


@answering
def manifest(documents: Documents, version: int) -> Manifest:
    """Raises NotFound; version 0 is the empty one before the first."""
    if version == NO_TABLES.version:
        return NO_TABLES
    found = documents[VERSIONS].find_one({"_id": version})
    if found is None:
        raise NotFound("version of the route tables", version)
    return Manifest(
        version,
        found["tables"],
        found["digests"],
        found.get("home_hubs", {}),
        found.get("edition", 0),
    )


@answering
def kept_versions(documents: Documents) -> list[int]:
    """Those that have a manifest, the oldest first."""
    return sorted(each["_id"] for each in documents[VERSIONS].find({}, {"_id": 1}))


class Current(NamedTuple):
    version: int
    previous: int


@answering
def current(documents: Documents) -> Current:
    """The version in force and the one before; 0 where there is none."""
    found = documents[POINTER].find_one({"_id": "current"})
    return Current(found["version"], found["previous"]) if found else Current(0, 0)


@answering
def current_version(documents: Documents) -> int:
    """0 before the first."""
    return current(documents).version


@answering
def make_current(documents: Documents, version: int) -> bool:
    """Put the version in force, for all readers at once. False where a later one is: it never goes back.

    Its manifest and tables must be there. A repeat is as good as the first time.
    """
    for _ in range(SWITCH_ATTEMPTS_MAX):
        seen = current(documents)
        if seen.version >= version:
            return seen.version == version
        if switch(documents, seen, version):
            return True
    raise Unavailable("Others were switching the version of the route tables.")


@answering
def switch(documents: Documents, seen: Current, version: int) -> bool:
    """Move the pointer, if it still is where it was seen. False where it is not: look again."""
    after = {"version": version, "previous": seen.version}
    if seen.version:
        return (
            documents[POINTER]
            .update_one({"_id": "current", "version": seen.version}, {"$set": after})
            .modified_count
            == 1
        )
    try:
        documents[POINTER].insert_one({"_id": "current", **after})
    except DuplicateKeyError:
        return False
    return True


# -- what nothing uses any more


@answering
def prune(
    documents: Documents, base_versions: Iterable[int], versions_kept: int
) -> tuple[int, set[int]]:
    """Remove what is older than the current version and not used by it or by the previous one.

    Nor by `base_versions`, which builds under way rest on, nor by the last `versions_kept` up to the current one, which
    people compare. Paths are pinned whole, so no package needs a table of old. Answers how many tables were removed,
    and the versions kept.
    """
    now = current(documents)
    last = [version for version in kept_versions(documents) if version <= now.version]
    kept = {now.version, now.previous, *base_versions, *last[max(0, len(last) - versions_kept) :]}
    used = {
        document_id(code, version)
        for each in kept
        for code, version in _manifest_or_none(documents, each).tables.items()
    }
    removed = 0
    for collection in (FC_TABLES, HUB_TABLES):
        old = documents[collection].find({"version": {"$lt": now.version}}, {"_id": 1})
        unused = [each["_id"] for each in old if each["_id"] not in used]
        removed += _delete(documents, collection, unused)
    versions = [each["_id"] for each in documents[VERSIONS].find({}, {"_id": 1})]
    _delete(documents, VERSIONS, [v for v in versions if v < now.version and v not in kept])
    return removed, kept


def _manifest_or_none(documents: Documents, version: int) -> Manifest:
    try:
        return manifest(documents, version)
    except NotFound:
        return NO_TABLES


def _delete(documents: Documents, collection: str, keys: Sequence[Any]) -> int:
    return sum(
        documents[collection].delete_many({"_id": {"$in": some}}).deleted_count
        for some in in_groups(keys, KEYS_AT_ONCE)
    )
