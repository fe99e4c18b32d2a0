"""What events leave in documents for sellers: every price an item had (D7), everything they sold (D8)."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from online_kart.domain.errors import NotFound
from online_kart.domain.events import SaleRecorded
from online_kart.domain.prices import ChangePrice
from online_kart.domain.sellers import SalesFilter
from online_kart.messaging.consumer import Envelope
from seller_app.chalicelib.services import prices, sales
from tests.identity import ADMIN
from tests.shop import an_approved_seller, events_of, put_item

ALL = SalesFilter()


@pytest.fixture
def seller_id(inventory_db, now):
    return an_approved_seller(inventory_db, now).seller_id


def price_events(conn):
    return [
        Envelope(
            id=UUID(detail["event_id"]),
            type="PriceChanged",
            detail=detail,
            time=datetime.fromisoformat(detail["occurred_at"]),
        )
        for detail in events_of(conn, "PriceChanged")
    ]


def a_sale(seller_id, sold_at, **changes):
    fields = {
        "sale_id": uuid4(),
        "order_id": uuid4(),
        "sku": "MUG",
        "fc_code": "BLR1",
        "quantity": 2,
        "amount_paise": 99_800,
    }
    event = SaleRecorded(**(fields | changes), seller_id=seller_id, occurred_at=sold_at)
    return Envelope(
        id=event.event_id,
        type=event.type,
        detail=event.model_dump(mode="json"),
        time=event.occurred_at,
    )


def change_prices(conn, seller_id, now, *new_prices):
    put_item(conn, seller_id, "MUG", now, price_paise=49_900)
    for hours, price_paise in enumerate(new_prices, start=1):
        at = now + timedelta(hours=hours)
        prices.change(conn, ADMIN, seller_id, "MUG", ChangePrice(price_paise=price_paise), at)


def test_the_log_has_every_price_with_its_time_and_who_set_it(
    inventory_db, documents, seller_id, now
):
    change_prices(inventory_db, seller_id, now, 39_900, 42_900)
    for envelope in price_events(inventory_db):
        prices.log_change(documents, envelope)
    entries = prices.history(inventory_db, documents, ADMIN, seller_id, "MUG", None, 10)
    assert [
        (entry.old_price_paise, entry.new_price_paise, entry.changed_at) for entry in entries
    ] == [
        (39_900, 42_900, now + timedelta(hours=2)),
        (49_900, 39_900, now + timedelta(hours=1)),
        (None, 49_900, now),
    ]
    assert {entry.changed_by for entry in entries} == {ADMIN.name}


def test_prices_heard_twice_and_in_any_order_are_logged_once_and_in_order(
    inventory_db, documents, seller_id, now
):
    change_prices(inventory_db, seller_id, now, 39_900, 42_900)
    heard = price_events(inventory_db)
    for envelope in [*reversed(heard), *heard]:
        prices.log_change(documents, envelope)
    entries = prices.history(inventory_db, documents, ADMIN, seller_id, "MUG", None, 10)
    assert [entry.version for entry in entries] == [3, 2, 1]


def test_the_log_is_paged_from_the_newest(inventory_db, documents, seller_id, now):
    change_prices(inventory_db, seller_id, now, 39_900, 42_900)
    for envelope in price_events(inventory_db):
        prices.log_change(documents, envelope)
    page = prices.history(inventory_db, documents, ADMIN, seller_id, "MUG", None, 2)
    rest = prices.history(inventory_db, documents, ADMIN, seller_id, "MUG", page[-1].version, 2)
    assert [entry.version for entry in (*page, *rest)] == [3, 2, 1]


def test_what_is_not_offered_has_no_history(inventory_db, documents, seller_id):
    with pytest.raises(NotFound):
        prices.history(inventory_db, documents, ADMIN, seller_id, "MUG", None, 10)


def test_a_sale_heard_twice_is_in_the_history_once(inventory_db, documents, seller_id, now):
    sale = a_sale(seller_id, now)
    sales.project(documents, sale)
    sales.project(documents, sale)
    (entry,) = sales.listed(inventory_db, documents, ADMIN, seller_id, ALL, None, 10)
    assert (entry.fc_code, entry.sku, entry.quantity, entry.amount_paise, entry.sold_at) == (
        "BLR1",
        "MUG",
        2,
        99_800,
        now,
    )


def test_the_history_is_paged_from_the_newest_by_fc_and_item(
    inventory_db, documents, seller_id, now
):
    other = an_approved_seller(inventory_db, now, "Bina Stores").seller_id
    sales.project(documents, a_sale(other, now))
    for number in range(5):
        # Within a millisecond: the documents can't tell their times apart.
        at = now + timedelta(microseconds=100 * number)
        sales.project(documents, a_sale(seller_id, at, quantity=number + 1))
    sales.project(documents, a_sale(seller_id, now - timedelta(days=1), fc_code="DEL1"))
    sales.project(documents, a_sale(seller_id, now + timedelta(days=1), sku="POT"))

    seen, before = [], None
    while page := sales.listed(inventory_db, documents, ADMIN, seller_id, ALL, before, 2):
        seen += page
        before = sales.sort_key(page[-1])
    assert len(seen) == 7
    assert len({entry.sale_id for entry in seen}) == 7
    assert (seen[0].sku, seen[-1].fc_code) == ("POT", "DEL1")

    of_fc = sales.listed(inventory_db, documents, ADMIN, seller_id, SalesFilter("DEL1"), None, 10)
    of_item = sales.listed(
        inventory_db, documents, ADMIN, seller_id, SalesFilter(sku="POT"), None, 10
    )
    of_both = sales.listed(
        inventory_db, documents, ADMIN, seller_id, SalesFilter("DEL1", "POT"), None, 10
    )
    assert [len(entries) for entries in (of_fc, of_item, of_both)] == [1, 1, 0]


def test_totals_by_fc_and_item_have_returns_taken_off(inventory_db, documents, seller_id, now):
    sales.project(documents, a_sale(seller_id, now, quantity=3, amount_paise=300))
    sales.project(documents, a_sale(seller_id, now, quantity=-1, amount_paise=-100))
    sales.project(documents, a_sale(seller_id, now, quantity=1, amount_paise=50, sku="POT"))
    sales.project(documents, a_sale(seller_id, now, quantity=2, amount_paise=200, fc_code="DEL1"))
    first = sales.totals(inventory_db, documents, ADMIN, seller_id, ALL, None, 2)
    place = sales.place(first[-1].fc_code, first[-1].sku)
    rest = sales.totals(inventory_db, documents, ADMIN, seller_id, ALL, place, 2)
    assert [(t.fc_code, t.sku, t.quantity, t.amount_paise) for t in (*first, *rest)] == [
        ("BLR1", "MUG", 2, 200),
        ("BLR1", "POT", 1, 50),
        ("DEL1", "MUG", 2, 200),
    ]
    (of_fc,) = sales.totals(
        inventory_db, documents, ADMIN, seller_id, SalesFilter("DEL1"), None, 10
    )
    assert (of_fc.fc_code, of_fc.quantity) == ("DEL1", 2)


def test_the_history_and_its_totals_can_be_of_a_time(inventory_db, documents, seller_id, now):
    days = [now + timedelta(days=day) for day in range(4)]
    for at in days:
        sales.project(documents, a_sale(seller_id, at))
    middle = SalesFilter(since=days[1], before=days[3])
    found = sales.listed(inventory_db, documents, ADMIN, seller_id, middle, None, 10)
    assert [sale.sold_at for sale in found] == [days[2], days[1]]
    rest = sales.listed(
        inventory_db, documents, ADMIN, seller_id, middle, sales.sort_key(found[0]), 10
    )
    assert rest == found[1:]
    (total,) = sales.totals(inventory_db, documents, ADMIN, seller_id, middle, None, 10)
    assert total.quantity == 4
