"""What the apps tell each other: facts in the past tense, committed with the change they tell of.

Every event has an id (a repeat is recognised by it), the aggregate it is about, and the moment. Where events of one
aggregate may overtake each other, `version` orders them: a consumer never lets an older one overwrite a newer one.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID, uuid4

from pydantic import Field

from .base import Model
from .values import FacilityCode, Instant, Paise, Pincode, Quantity, Sku

EDITION = 1
"""Of the form of an event that says nothing else. One that is told in another form says so in a field `edition`, and who
hears it and does not know that form leaves it alone (`messaging.consumer`): a guess at its meaning could not be taken
back. A field that is added, and may be missing, is no other form: who does not know it goes without."""

PackageStatus = Literal[
    "planned",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "returning",
    "returned",
    "cancelled",
    "lost",
]


class Event(Model):
    """The base of all events. Its class name is its type on the bus (EventBridge's `detail-type`)."""

    event_id: UUID = Field(default_factory=uuid4)
    occurred_at: Instant
    by: str = "system"
    """Who did it: a person (`customer …`, `seller …`, a name), or the step or job that does it for nobody."""
    correlation_id: str | None = None
    """One for all that came of the same request, job or event of AWS. The outbox fills it in."""
    aggregate: ClassVar[str]
    """The name of the field that names what the event is about."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """From its JSON, as it was told, with the fields that are known here. Who told it may be a release ahead, and have
        added others to its edition: nobody relies on those yet, so they are no reason to leave the event alone."""
        return cls.model_validate(told, extra="ignore")

    @property
    def type(self) -> str:
        return type(self).__name__

    @property
    def aggregate_id(self) -> str:
        return str(getattr(self, self.aggregate))


# The network


class NetworkChanged(Event):
    """A facility, leg or pincode range was added, changed or removed: route tables `version` are to be built."""

    aggregate: ClassVar[str] = "version"
    version: Annotated[int, Field(ge=1)]
    reason: str
    revision: int = 1


# Catalog and sellers


class CategoryChanged(Event):
    aggregate: ClassVar[str] = "category_id"
    category_id: str
    name: str
    parent_id: str | None
    version: int


class ItemChanged(Event):
    aggregate: ClassVar[str] = "sku"
    sku: Sku
    category_id: str
    name: str
    brand: str
    weight_grams: int
    status: Literal["active", "withdrawn"]
    version: int


class OfferChanged(Event):
    """A seller's offer of an item was made, or its price or status changed."""

    aggregate: ClassVar[str] = "sku"
    sku: Sku
    seller_id: UUID
    price_paise: Paise
    status: Literal["active", "paused"]
    version: int


class PriceChanged(Event):
    """An offer has another price, or its first. Told besides OfferChanged, for the log of prices (D7)."""

    aggregate: ClassVar[str] = "sku"
    sku: Sku
    seller_id: UUID
    old_price_paise: Paise | None
    new_price_paise: Paise
    changed_by: str
    version: int


class AvailabilityChanged(Event):
    """How many units of an offer are free over all FCs, and in each that has any.

    The FCs may be a moment ahead of the sum: then another event follows.
    """

    aggregate: ClassVar[str] = "sku"
    sku: Sku
    seller_id: UUID
    free_units: Annotated[int, Field(ge=0)]
    free_by_fc: dict[FacilityCode, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    version: int


# Inbound shipments


class ShipmentArrived(Event):
    """An announced inbound shipment is at the dock and was counted."""

    aggregate: ClassVar[str] = "asn"
    asn: str
    fc_code: FacilityCode
    revision: int = 1


class ShipmentReceived(Event):
    """The units of an inbound shipment are booked into stock, and its notice is closed."""

    aggregate: ClassVar[str] = "asn"
    asn: str
    fc_code: FacilityCode
    seller_id: UUID


# Orders (told by the customer app)


class OrderEvent(Event):
    """`version` is the order's after it: of an order's events the latest says how it is. 0: told before they had one."""

    aggregate: ClassVar[str] = "order_id"
    order_id: UUID
    version: int = 0


class EventLine(Model):
    """A line of an order, as far as the fulfillment side needs it."""

    line_no: Annotated[int, Field(ge=1)]
    sku: Sku
    seller_id: UUID
    quantity: Quantity
    unit_price_paise: Paise


class OrderPlaced(OrderEvent):
    """A customer has ordered: nothing is held yet. Told again, with the next `revision`, where nobody has served it."""

    to_pincode: Pincode
    placed_at: Instant
    lines: Annotated[tuple[EventLine, ...], Field(min_length=1, max_length=50)]
    revision: int = 1


class OrderConfirmed(OrderEvent):
    """Every line is held in an FC, its packages are planned, and the customer knows the date."""

    promise_date: date
    package_ids: tuple[UUID, ...]


class ShortItem(Model):
    """An item of which fewer units were left, when its order was rejected, than the order asked for."""

    sku: Sku
    seller_id: UUID
    item_name: str
    wanted: Quantity
    left: Annotated[int, Field(ge=0)]


class OrderRejected(OrderEvent):
    """The order can't be served.

    `short_items` has every item that was short, and is empty where stock was not the reason.
    """

    error: str
    message: str
    short_items: tuple[ShortItem, ...] = ()


class CancellationRequested(OrderEvent):
    """A customer wants no more of the order. Told again, with the next `revision`, where nothing came of it."""

    revision: int = 1


class OrderCancelled(OrderEvent):
    """The order has ended without its goods. `refund_paise` is what its customer gets back of what was paid."""

    refund_paise: Paise


class CancellationRefused(OrderEvent):
    """A package of the order is with its customer already: the order goes on, and what is left is a return."""


class OrderFinished(OrderEvent):
    """Every package of the order is at its end. Told again, with a later version, where one that was lost has turned up."""


class OrderReopened(OrderEvent):
    """A package of a finished order, which was given up as lost, has turned up, and goes on to its customer."""

    package_id: UUID


# Packages, batches, deliveries, sales


class PackageChanged(Event):
    """A package took a step: planned, loaded, departed, arrived, re-planned, out for delivery, delivered …"""

    aggregate: ClassVar[str] = "package_id"
    package_id: UUID
    order_id: UUID
    version: int
    what: str
    status: PackageStatus
    facility: FacilityCode | None = None


class BatchOpened(Event):
    """A batch waits for its time; also told again, with a new revision, when its run was lost."""

    aggregate: ClassVar[str] = "batch_id"
    batch_id: UUID
    revision: int
    due_at: Instant


class BatchDelayed(Event):
    """A batch is not where it should be: an alert for people."""

    aggregate: ClassVar[str] = "batch_id"
    batch_id: UUID
    origin: FacilityCode
    destination: FacilityCode
    expected_at: Instant


class SaleRecorded(Event):
    """A line of a delivered package was sold; or taken back: then quantity and amount are negative."""

    aggregate: ClassVar[str] = "sale_id"
    sale_id: UUID
    order_id: UUID
    sku: Sku
    seller_id: UUID
    fc_code: FacilityCode
    quantity: int
    amount_paise: int


# Returns of delivered packages: asked for and settled by the customer app, planned and received by the fulfillment app


class ReturnedUnits(Model):
    """Units of a line of the package that its customer sends back."""

    line_no: Annotated[int, Field(ge=1)]
    quantity: Quantity


class ReturnRequested(Event):
    """A customer sends units of a package back. Without `lines`: all of it, as was told before parts could be returned."""

    aggregate: ClassVar[str] = "return_id"
    return_id: UUID
    order_id: UUID
    package_id: UUID
    reason: str
    lines: tuple[ReturnedUnits, ...] = ()


class ReturnPlanned(Event):
    """A courier of the FC fetches the units on that day."""

    aggregate: ClassVar[str] = "return_id"
    return_id: UUID
    order_id: UUID
    package_id: UUID
    fc_code: FacilityCode
    pickup_on: date


class ReturnReceived(Event):
    """What a customer has sent back is in an FC, and was looked at."""

    aggregate: ClassVar[str] = "return_id"
    return_id: UUID
    order_id: UUID
    package_id: UUID
    fc_code: FacilityCode


class ReturnSettled(Event):
    """The payment provider has refunded a return, or people owe it to a customer who has paid on delivery."""

    aggregate: ClassVar[str] = "return_id"
    return_id: UUID
    order_id: UUID
    package_id: UUID
    outcome: Literal["refunded", "owed"]
    refund_paise: Paise


class ReturnPaid(Event):
    """What was owed for a return has been paid to its customer, by people."""

    aggregate: ClassVar[str] = "return_id"
    return_id: UUID
    order_id: UUID
    package_id: UUID
    amount_paise: Paise
    reference: str


class ReturnCancelled(Event):
    """Couriers came in vain too often: the customer keeps the units."""

    aggregate: ClassVar[str] = "return_id"
    return_id: UUID
    order_id: UUID
    package_id: UUID
    reason: str


class ReconciliationRequested(Event):
    aggregate: ClassVar[str] = "reconciliation_id"
    reconciliation_id: UUID
    revision: int = 1


EVENTS: dict[str, type[Event]] = {
    event.__name__: event
    for event in (*Event.__subclasses__(), *OrderEvent.__subclasses__())
    if event is not OrderEvent
}
"""Every event by its type's name."""
