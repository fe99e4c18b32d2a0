"""What a build of route tables works on: the network of its version, and what its chunks have made so far.

State machines pass ids, never tables: chunks read the *snapshot* of the network, and leave *parts*
that publishing adds up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pymongo import IndexModel

from ..domain.errors import NotFound
from ..domain.network import Network
from .collection import NUMBER, Collection, Documents, answering

PARTS = "route_build_parts"
SNAPSHOTS = "network_snapshots"

COLLECTIONS = (
    Collection(
        PARTS,
        {"_id": "string", "version": NUMBER, "tables": "array"},
        (IndexModel([("version", 1)]),),  # `parts`, `prune`
    ),
    Collection(
        SNAPSHOTS,
        {"_id": "string", "version": NUMBER, "part": NUMBER, "text": "string"},
        (IndexModel([("version", 1)]),),  # `prune`
    ),
)

SNAPSHOT_CHARACTERS_MAX = 3_000_000
"""Of one document's text: under 12 MB however many bytes a character has; a document may have 16."""


@dataclass(frozen=True)
class Snapshot:
    """The network of a version, and the version that its tables are made of: `touched` are built, the rest is taken over.

    With base version 0 all are touched.
    """

    version: int
    base_version: int
    network: Network
    touched: Sequence[str]


@answering
def put_snapshot(
    documents: Documents, snapshot: Snapshot, characters_max: int = SNAPSHOT_CHARACTERS_MAX
) -> None:
    """Write, or write again. The first part, which makes it whole, is written last."""
    text = snapshot.network.model_dump_json()
    starts = range(0, len(text), characters_max)
    outlined = {"codes": sorted(snapshot.network.by_code), "touched": list(snapshot.touched)}
    for part, start in reversed(list(enumerate(starts))):
        documents[SNAPSHOTS].replace_one(
            {"_id": f"{snapshot.version}:{part}"},
            {
                "version": snapshot.version,
                "part": part,
                "parts_count": len(starts),
                "base_version": snapshot.base_version,
                **(outlined if part == 0 else {}),
                "text": text[start : start + characters_max],
            },
            upsert=True,
        )


@answering
def snapshot(documents: Documents, version: int) -> Snapshot:
    """Raises NotFound."""
    first = _snapshot_part(documents, version, 0)
    rest = (_snapshot_part(documents, version, part) for part in range(1, first["parts_count"]))
    text = first["text"] + "".join(part["text"] for part in rest)
    network = Network.model_validate_json(text)
    return Snapshot(version, first["base_version"], network, first.get("touched", ()))


class Outline(NamedTuple):
    """What is known of a snapshot without reading its network: all codes, and those whose tables are touched."""

    base_version: int
    codes: Sequence[str]
    touched: Sequence[str]


@answering
def outline(documents: Documents, version: int) -> Outline:
    """Raises NotFound."""
    fields = {"base_version": 1, "codes": 1, "touched": 1}
    found = documents[SNAPSHOTS].find_one({"_id": f"{version}:0"}, fields)
    if found is None:
        raise NotFound("network snapshot", version)
    return Outline(found["base_version"], found["codes"], found["touched"])


def _snapshot_part(documents: Documents, version: int, part: int) -> dict[str, Any]:
    found = documents[SNAPSHOTS].find_one({"_id": f"{version}:{part}"})
    if found is None:
        raise NotFound("network snapshot", f"{version}:{part}")
    return found


class BuiltTable(NamedTuple):
    """What a build knows of a table: the version in which it was written, and its content's hash."""

    code: str
    version: int
    digest: str
    home_hub: str | None


@dataclass(frozen=True)
class Part:
    """What one chunk of a build has made, and how long it took to compute its tables and to write them."""

    version: int
    base_version: int
    start: int
    tables: Sequence[BuiltTable]
    tables_ms: float
    writing_ms: float


@answering
def put_part(documents: Documents, part: Part) -> None:
    documents[PARTS].replace_one(
        {"_id": f"{part.version}:{part.base_version}:{part.start}"},
        {
            "version": part.version,
            "base_version": part.base_version,
            "start": part.start,
            "tables_ms": part.tables_ms,
            "writing_ms": part.writing_ms,
            "tables": [built._asdict() for built in part.tables],
        },
        upsert=True,
    )


@answering
def parts(documents: Documents, version: int, base_version: int) -> list[Part]:
    """Those that were made on that base: what an earlier run made on another is no part of this build."""
    return [
        Part(
            version,
            base_version,
            found["start"],
            [BuiltTable(**built) for built in found["tables"]],
            found["tables_ms"],
            found["writing_ms"],
        )
        for found in documents[PARTS].find({"version": version, "base_version": base_version})
    ]


# -- what nothing uses any more


@answering
def base_versions(documents: Documents, version: int) -> set[int]:
    """The versions that builds later than the given one are compared with."""
    under_way = documents[SNAPSHOTS].find({"version": {"$gt": version}}, {"base_version": 1})
    return {found["base_version"] for found in under_way}


@answering
def prune(documents: Documents, before_version: int, kept: Iterable[int]) -> None:
    """Forget the builds before a version, but for those kept."""
    for collection in (SNAPSHOTS, PARTS):
        documents[collection].delete_many({"version": {"$lt": before_version, "$nin": list(kept)}})
