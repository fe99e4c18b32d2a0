"""What a collection is made of: its name, the schema its documents must fit, and its indexes.

Kept to what MongoDB, Amazon DocumentDB and the embedded store all have: `$jsonSchema` validators, unique, compound and
TTL indexes. (DocumentDB ignores validators; the models in front of them are checked everywhere.)
"""

from dataclasses import dataclass, field
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import CollectionInvalid

Documents = Database[dict[str, Any]]


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
            documents.create_collection(self.name, validator=self.schema())
        except CollectionInvalid:  # it exists: only the validator may have changed
            documents.command("collMod", self.name, validator=self.schema())
        if self.indexes:
            documents[self.name].create_indexes(list(self.indexes))
