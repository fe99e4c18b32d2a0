"""What our stores may ask of a document store: what MongoDB, Amazon DocumentDB 5 and the embedded store all have.

A green run against the embedded store proves nothing about what it has and others lack. So every command that a test
sends is looked at; one outside this subset fails the test (`conftest.only_portable_commands`).
"""

from collections.abc import Iterator
from typing import Any

from pymongo import monitoring

COMMANDS = frozenset(
    {
        *("find", "getMore", "killCursors", "insert", "update", "delete", "aggregate"),
        *("create", "createIndexes", "collMod", "drop", "dropDatabase"),
        *("listCollections", "listIndexes", "ping"),
        *("endSessions", "commitTransaction", "abortTransaction"),
    }
)
QUERY = {"$and", "$or", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"}
UPDATE = {"$set", "$setOnInsert", "$unset", "$inc", "$min", "$max", "$push", "$addToSet", "$pull"}
PIPELINE = {"$match", "$group", "$sort", "$limit", "$project", "$unwind", "$lookup", "$geoNear"}
SUMS = {"$sum", "$first", "$last", "$avg", "$count"}
PYMONGOS_OWN = {"$db", "$readPreference", "$clusterTime"}
OPERATORS = frozenset(QUERY | UPDATE | PIPELINE | SUMS | PYMONGOS_OWN | {"$jsonSchema"})


class PortableOnly(monitoring.CommandListener):
    """Remembers what was asked for outside the subset."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == "admin":
            return  # of the server itself, by the launcher: no store's
        if event.command_name not in COMMANDS:
            self.refused.append(f"the command {event.command_name}")
        operators = {key for key in _keys(event.command) if key.startswith("$")}
        self.refused += [f"{o} in {event.command_name}" for o in sorted(operators - OPERATORS)]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _keys(inner)
