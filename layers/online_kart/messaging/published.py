"""Which events others may rely on: their forms are documented, and change only by a new edition (documentation/EVENTS.md).

All other events are the apps' own affair, and may change with any release.
"""

from typing import NamedTuple

from ..domain.events import EDITION, EVENTS, Event

CUSTOMER_SOURCE = "kart.customer"
"""EventBridge's `source` of what the customer app tells."""

INVENTORY_SOURCE = "kart.inventory"
"""Of what the fulfillment and the seller app tell: they share a database, and with it the outbox."""


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
        field = self.event.model_fields.get("edition")
        return EDITION if field is None else int(field.default)

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
