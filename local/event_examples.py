"""One of each published event, for the documents: an order of Chennai's mugs, from click to refund."""

from datetime import UTC, date, datetime
from uuid import UUID

from online_kart.domain.events import (
    AvailabilityChanged,
    CancellationRefused,
    CancellationRequested,
    Event,
    EventLine,
    OfferChanged,
    OrderCancelled,
    OrderConfirmed,
    OrderFinished,
    OrderPlaced,
    OrderRejected,
    PackageChanged,
    PriceChanged,
    ReturnPlanned,
    ReturnReceived,
    ReturnRequested,
    ReturnSettled,
    SaleRecorded,
    ShipmentReceived,
    ShortItem,
)

ORDER = UUID("5b1c2f0e-7c43-4a57-9a0e-0c7d5a6f1e21")
OTHER_ORDER = UUID("9e2d7a44-31f6-4e0b-8f5c-6d1b7c0a9b32")
PACKAGE = UUID("c8a4d6b1-2e9f-4f7a-b3d0-1f6e8a5c7d43")
RETURN = UUID("1d7f3c95-6a0b-4c8e-a2f4-7b9d0e6c5a54")
SALE = UUID("70b6e1d8-4f3a-4b9c-8e7d-2a5c9f1b0d65")
SELLER = UUID("e3f9a0c7-8d5b-4e1f-9c6a-4d0b7e2f1a76")
MUG = "MUG-350ML"
MUG_PAISE = 129_900


def _about(number: int, day: int, hour: int, by: str) -> dict[str, object]:
    """What every event says: the `number`-th of March 2026's day, at that hour (UTC)."""
    return {
        "event_id": UUID(int=(0x4 << 76) | (0x8 << 60) | number),
        "occurred_at": datetime(2026, 3, day, hour, tzinfo=UTC),
        "by": by,
        "correlation_id": "0d3c6f52-9b1e-4a7d-8c40-5e2f7a9b1c87",
    }


def _example(type_: type[Event], about: dict[str, object], **facts: object) -> Event:
    return type_.model_validate({**about, **facts})


CUSTOMER = "customer 2c5e8f31-0a7d-4b6c-9e1f-3d8b5a7c6f98"
LINE = EventLine(
    line_no=1, sku=MUG, seller_id=SELLER, quantity=2, unit_price_paise=MUG_PAISE
).model_dump()
SHORT = ShortItem(sku=MUG, seller_id=SELLER, item_name="Mug, 350 ml", wanted=2, left=1).model_dump()
RETURNED = {"return_id": RETURN, "order_id": ORDER, "package_id": PACKAGE}
OFFER = {"sku": MUG, "seller_id": SELLER}

EXAMPLES: dict[str, Event] = {
    event.type: event
    for event in (
        _example(
            OrderPlaced,
            _about(1, 2, 4, CUSTOMER),
            order_id=ORDER,
            version=1,
            to_pincode=560001,
            placed_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
            lines=(LINE,),
        ),
        _example(
            OrderConfirmed,
            _about(2, 2, 4, "confirm_order"),
            order_id=ORDER,
            version=2,
            promise_date=date(2026, 3, 4),
            package_ids=(PACKAGE,),
        ),
        _example(
            OrderRejected,
            _about(3, 2, 5, "reject_order"),
            order_id=OTHER_ORDER,
            version=2,
            error="OutOfStock",
            message="Fewer units are left than were ordered.",
            short_items=(SHORT,),
        ),
        _example(CancellationRequested, _about(4, 2, 6, CUSTOMER), order_id=ORDER, version=3),
        _example(
            OrderCancelled,
            _about(5, 2, 6, "finish_cancellation"),
            order_id=OTHER_ORDER,
            version=4,
            refund_paise=2 * MUG_PAISE,
        ),
        _example(
            CancellationRefused,
            _about(6, 2, 7, "refuse_cancellation"),
            order_id=ORDER,
            version=4,
        ),
        _example(OrderFinished, _about(7, 4, 9, "track_packages"), order_id=ORDER, version=5),
        _example(
            PackageChanged,
            _about(8, 3, 3, "move_batch"),
            package_id=PACKAGE,
            order_id=ORDER,
            version=3,
            what="arrived",
            status="in_transit",
            facility="BLR",
        ),
        _example(
            AvailabilityChanged,
            _about(9, 2, 4, "system"),
            **OFFER,
            free_units=41,
            free_by_fc={"BLR1": 30, "MAA1": 11},
            version=12,
        ),
        _example(
            ShipmentReceived,
            _about(10, 1, 8, "system"),
            asn="ASN-20260301-7",
            fc_code="MAA1",
            seller_id=SELLER,
        ),
        _example(
            OfferChanged,
            _about(11, 1, 5, "system"),
            **OFFER,
            price_paise=MUG_PAISE,
            status="active",
            version=4,
        ),
        _example(
            PriceChanged,
            _about(12, 1, 5, "system"),
            **OFFER,
            old_price_paise=149_900,
            new_price_paise=MUG_PAISE,
            changed_by=f"seller {SELLER}",
            version=4,
        ),
        _example(
            SaleRecorded,
            _about(13, 4, 9, "system"),
            sale_id=SALE,
            order_id=ORDER,
            **OFFER,
            fc_code="BLR1",
            quantity=2,
            amount_paise=2 * MUG_PAISE,
        ),
        _example(
            ReturnRequested,
            _about(14, 5, 4, CUSTOMER),
            **RETURNED,
            reason="too blue",
            lines=({"line_no": 1, "quantity": 2},),
        ),
        _example(
            ReturnPlanned,
            _about(15, 5, 4, "take_returns"),
            **RETURNED,
            fc_code="BLR1",
            pickup_on=date(2026, 3, 6),
        ),
        _example(ReturnReceived, _about(16, 6, 10, "admin"), **RETURNED, fc_code="BLR1"),
        _example(
            ReturnSettled,
            _about(17, 6, 11, "settle_returns"),
            **RETURNED,
            outcome="refunded",
            refund_paise=2 * MUG_PAISE,
        ),
    )
}
"""By type."""
