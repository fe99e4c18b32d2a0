"""What a collection is made of: its name, the schema its documents must fit, and its indexes.

Kept to what MongoDB, Amazon DocumentDB and the embedded store all have: `$jsonSchema` validators, unique, compound and
TTL indexes. (DocumentDB ignores validators; the models in front of them are checked everywhere.)
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, ParamSpec, TypeVar

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure, WTimeoutError

from ..domain.errors import Unavailable

Documents = Database[dict[str, Any]]

NUMBER: str | list[str] = ["int", "long"]
"""The BSON types of a Python int."""

NAMESPACE_EXISTS = 48
"""MongoDB's error code: the collection is there already, perhaps since a moment ago."""

P = ParamSpec("P")
T = TypeVar("T")


def answering(function: Callable[P, T]) -> Callable[P, T]:
    """A store's function that raises Unavailable when the server is lost, or its majority: machines try again."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with _unavailable_when_lost():
            return function(*args, **kwargs)

    return wrapped


def answering_each(function: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """As `answering`, for one that gives what it finds bit by bit: the server may be lost in between."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        with _unavailable_when_lost():
            yield from function(*args, **kwargs)

    return wrapped


@contextmanager
def _unavailable_when_lost() -> Iterator[None]:
    try:
        yield
    except (ConnectionFailure, WTimeoutError) as error:
        raise Unavailable("The document store does not answer.") from error


def milliseconds(at: datetime) -> int:
    """Since 1970: as much of a moment as a document keeps."""
    return int(at.timestamp() * 1000)


def forget_oldest(documents: Documents, name: str, age: str, before: datetime, limit: int) -> int:
    """Remove up to `limit` documents whose moment in `age`, which has an index, is before then. How many went."""
    old = documents[name].find({age: {"$lt": before}}, {"_id": 1}).sort(age, 1).limit(limit)
    keys = [each["_id"] for each in old]
    return documents[name].delete_many({"_id": {"$in": keys}}).deleted_count if keys else 0


@answering
def known_ids(documents: Documents, name: str, ids: Sequence[str]) -> set[str]:
    """Which of the ids the collection has."""
    if not ids:
        return set()
    found = documents[name].find({"_id": {"$in": list(ids)}}, {"_id": 1}).limit(len(ids))
    return {each["_id"] for each in found}


def in_groups(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values in lists of up to `size`: one request must not hold any number of them."""
    rest = iter(values)
    while group := list(islice(rest, size)):
        yield group


@dataclass(frozen=True)
class Collection:
    """`required` maps a field that every document must have to its BSON type (or types)."""

    name: str
    required: dict[str, str | list[str]]
    indexes: tuple[IndexModel, ...] = field(default=())

    def schema(self) -> dict[str, Any]:
        return {
            "$jsonSchema": {
                "bsonType": "object",
                "required": sorted(self.required),
                "properties": {name: {"bsonType": kind} for name, kind in self.required.items()},
            }
        }

    def ensure(self, documents: Documents) -> None:
        """Make the collection with its validator and indexes, where it is not there yet."""
        try:
            documents.create_collection(self.name, validator=self.schema(), check_exists=False)
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:
                raise
            # Only the validator may have changed.
            documents.command("collMod", self.name, validator=self.schema())
        if self.indexes:
            documents[self.name].create_indexes(list(self.indexes))
