"""What the checks of the invariants look at: the three stores, and what several checks read of them, read once."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from fulfillment_app.chalicelib.services.route_checks import InForce
from online_kart.documents.collection import Documents

Broken = list[tuple[str, str]]
"""(key, detail) of each thing that is broken."""

Finding = tuple[str, Broken]
"""What was looked at, and what of it is broken."""


@dataclass(frozen=True)
class Stores:
    inventory: Connection[Any]
    customer: Connection[Any]
    documents: Documents


class Reading(InForce):
    """The stores as one run of the checks sees them."""

    def __init__(self, stores: Stores) -> None:
        super().__init__(stores.inventory, stores.documents)
        self.customer = stores.customer
