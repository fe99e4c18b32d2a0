"""Which events others may rely on: their forms are documented, and change only by a new edition (documentation/EVENTS.md).

All other events are the apps' own affair, and may change with any release. Every type has an edition of its own, so
that one can be raised while all others stay as they are.
"""

from typing import NamedTuple

from ..domain.events import EDITION, EVENTS, Event

CUSTOMER_SOURCE = "kart.customer"
"""EventBridge's `source` of what the customer app tells."""

INVENTORY_SOURCE = "kart.inventory"
"""Of what the fulfillment and the seller app tell: they share a database, and with it the outbox."""


HEARD_TOO: dict[str, frozenset[int]] = {}
"""Type → the editions that our consumers know besides the one that is told. While an edition is raised: the next one, a
release before anybody tells it; and then the one before, for as long as an outbox, a queue or an archive has it."""


def edition_told(event: type[Event]) -> int:
    """The one that is told now."""
    field = event.model_fields.get("edition")
    return EDITION if field is None else int(field.default)


def editions_known(type_: str) -> frozenset[int]:
    """The editions in which our consumers understand events of the type. What AWS tells has the first, and no other."""
    event = EVENTS.get(type_)
    told = EDITION if event is None else edition_told(event)
    return HEARD_TOO.get(type_, frozenset()) | {told}


class Published(NamedTuple):
    """An event that others may rely on."""

    event: type[Event]
    subject: str
    source: str

    @property
    def type(self) -> str:
        return self.event.__name__

    @property
    def edition(self) -> int:
        """The one that is told now."""
        return edition_told(self.event)

    @property
    def name(self) -> str:
        """Of the event in this edition: `OrderPlaced.v1`."""
        return f"{self.type}.v{self.edition}"


_TYPES: dict[tuple[str, str], tuple[str, ...]] = {
    ("order", CUSTOMER_SOURCE): (
        "OrderPlaced",
        "OrderConfirmed",
        "OrderRejected",
        "CancellationRequested",
        "OrderCancelled",
        "CancellationRefused",
        "OrderFinished",
    ),
    ("package", INVENTORY_SOURCE): ("PackageChanged",),
    ("stock", INVENTORY_SOURCE): ("AvailabilityChanged", "ShipmentReceived"),
    ("price", INVENTORY_SOURCE): ("OfferChanged", "PriceChanged"),
    ("sale", INVENTORY_SOURCE): ("SaleRecorded",),
    ("return", CUSTOMER_SOURCE): ("ReturnRequested", "ReturnSettled"),
    ("return", INVENTORY_SOURCE): ("ReturnPlanned", "ReturnReceived"),
}
"""(subject, source) → types."""

PUBLISHED: dict[str, Published] = {
    type_: Published(EVENTS[type_], subject, source)
    for (subject, source), types in _TYPES.items()
    for type_ in types
}
"""Every event that others may rely on, by its type."""
