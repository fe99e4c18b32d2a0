"""What the checks of the invariants look at: the three stores, and what several checks read of them, read once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psycopg import Connection

from online_kart.documents import route_tables
from online_kart.documents.collection import Documents
from online_kart.documents.route_tables import Manifest
from online_kart.domain.network import HOP_LIMIT_DEFAULT, Network
from online_kart.domain.routes import RouteTable
from online_kart.inventory_db import facilities

Broken = list[tuple[str, str]]
"""(key, detail) of each thing that is broken."""

Finding = tuple[str, Broken]
"""What was looked at, and what of it is broken."""


@dataclass(frozen=True)
class Stores:
    inventory: Connection[Any]
    customer: Connection[Any]
    documents: Documents


class Reading:
    """The stores as one run of the checks sees them."""

    def __init__(self, stores: Stores) -> None:
        self.inventory, self.customer = stores.inventory, stores.customer
        self.documents = stores.documents

    @cached_property
    def manifest(self) -> Manifest:
        """Of the version in force; an empty one before the first."""
        version = route_tables.current_version(self.documents)
        return route_tables.manifest(self.documents, version)

    @cached_property
    def lost_tables(self) -> list[str]:
        """The codes of facilities whose tables the manifest names, and which are not there."""
        return route_tables.missing_tables(self.documents, self.manifest.tables)

    @cached_property
    def tables(self) -> dict[str, RouteTable]:
        """Every table of the version in force."""
        codes = self.manifest.tables.keys() - set(self.lost_tables)
        return route_tables.tables_in(self.documents, sorted(codes), self.manifest)

    @cached_property
    def network(self) -> Network:
        """What is open now."""
        hop_limit = next((t.hop_limit for t in self.tables.values()), HOP_LIMIT_DEFAULT)
        return facilities.network(self.inventory, hop_limit)
