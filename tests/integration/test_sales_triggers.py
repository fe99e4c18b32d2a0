"""Totals by category and month (I11, I12) are exact at any commit, whoever sells or rolls up meanwhile."""

from datetime import UTC, date, datetime, timedelta
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest

from fulfillment_app.chalicelib.services import deliveries, sales
from online_kart.domain.sales import ItemSalesFilter
from online_kart.inventory_db import invariants
from tests.freight import Shop, at_last_fc, build_routes, put_shop
from tests.identity import ADMIN
from tests.shop import CATEGORY, PRICE_PAISE, put_item
from tests.together import run_together

SELL = """
    INSERT INTO sales (sale_id, package_id, order_id, line_no, kind, sku, seller_id, fc_code, category_id,
                       quantity, amount_paise, sold_at)
    VALUES (gen_random_uuid(), %(package_id)s, gen_random_uuid(), %(line_no)s, %(kind)s, 'MUG', %(seller_id)s,
            'BLR1', %(category_id)s, %(quantity)s, %(amount_paise)s, %(sold_at)s)
"""


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    shop = put_shop(inventory_db, documents, now)
    build_routes(shop)
    return shop


@pytest.fixture
def package_id(shop) -> UUID:
    package_id = at_last_fc(shop)
    for category_id in ("toys", "books"):
        shop.conn.execute(
            "INSERT INTO item_categories (category_id, name) VALUES (%s, %s)",
            [category_id, category_id.title()],
        )
    return package_id


def a_sale(shop, package_id, line_no, sold_at=None, category_id="toys", quantity=1, paise=100):
    return {
        "package_id": package_id,
        "line_no": line_no,
        "kind": "sale" if quantity > 0 else "return",
        "seller_id": shop.seller_id,
        "category_id": category_id,
        "quantity": quantity,
        "amount_paise": paise,
        "sold_at": sold_at or shop.now,
    }


def wrong_totals(conn):
    """Invariant 11, in one snapshot."""
    return [
        row
        for check in invariants.CHECKS
        if check.invariant == 11
        for row in conn.execute(check.statement).fetchall()
    ]


def by_category(conn):
    return {
        row.category_id: (row.quantity, row.amount_paise)
        for row in sales.by_category(conn, None, 100)
    }


def by_month(conn):
    return {row.month: (row.quantity, row.amount_paise) for row in sales.by_month(conn, None, 100)}


def changes_count(conn):
    (count,) = conn.execute(
        """
        SELECT (SELECT count(*) FROM category_sales_changes) + (SELECT count(*) FROM month_sales_changes)
               + (SELECT count(*) FROM item_sales_changes)
        """
    ).fetchone()
    return count


def test_a_delivery_counts_at_once_and_after_it_is_rolled_up(shop, package_id):
    deliveries.delivered(shop.conn, shop.documents, ADMIN, package_id, "signed", shop.now)
    expected = {CATEGORY: (2, 2 * PRICE_PAISE)}

    assert by_category(shop.conn) == expected
    assert sales.roll_up(shop.conn) == 3
    assert by_category(shop.conn) == expected
    assert by_month(shop.conn) == {date(2026, 3, 1): (2, 2 * PRICE_PAISE)}
    assert changes_count(shop.conn) == 0
    assert sales.roll_up(shop.conn) == 0


def test_a_return_is_taken_off(shop, package_id):
    shop.conn.execute(SELL, a_sale(shop, package_id, 1, quantity=3, paise=300))
    sales.roll_up(shop.conn)
    shop.conn.execute(SELL, a_sale(shop, package_id, 1, quantity=-1, paise=-100))

    assert by_category(shop.conn) == {"toys": (2, 200)}
    sales.roll_up(shop.conn)
    assert by_category(shop.conn) == {"toys": (2, 200)}


def test_months_are_those_of_the_shops_time_zone(shop, package_id):
    midnight_in_india = datetime(2026, 3, 31, 18, 30, tzinfo=UTC)
    before = midnight_in_india - timedelta(seconds=1)
    shop.conn.execute(SELL, a_sale(shop, package_id, 1, before, paise=1))
    shop.conn.execute(SELL, a_sale(shop, package_id, 2, midnight_in_india, paise=2))

    assert by_month(shop.conn) == {date(2026, 3, 1): (1, 1), date(2026, 4, 1): (1, 2)}


def test_a_sale_that_is_rolled_back_never_counts(shop, package_id):
    with shop.conn.transaction(force_rollback=True):
        shop.conn.execute(SELL, a_sale(shop, package_id, 1))
        assert by_category(shop.conn) == {"toys": (1, 100)}

    assert by_category(shop.conn) == {}


def test_a_sale_can_be_neither_changed_nor_removed(shop, package_id):
    shop.conn.execute(SELL, a_sale(shop, package_id, 1))

    for statement in ("UPDATE sales SET quantity = 2", "DELETE FROM sales"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            shop.conn.execute(statement)


def test_totals_are_exact_at_any_commit_while_many_sell_and_roll_up(
    shop, package_id, inventory_dsn
):
    sellers, sales_each = 3, 60
    sold = Event()

    def sell(number):
        def action(conn):
            for line_no in range(sales_each):
                category_id = ("toys", "books", CATEGORY)[line_no % 3]
                sold_at = shop.now + timedelta(days=40 * (line_no % 2))
                key = number * sales_each + line_no
                conn.execute(SELL, a_sale(shop, package_id, key, sold_at, category_id, 2, 7))

        return action

    def roll_up(conn):
        rolled_up = 0
        while not sold.is_set() or changes_count(conn):
            rolled_up += sales.roll_up(conn)
        return rolled_up

    def watch(conn):
        looks = 0
        while (total := sum(count for count, _ in by_category(conn).values())) < (
            2 * sellers * sales_each
        ):
            assert wrong_totals(conn) == []
            assert total % 2 == 0
            looks += 1
        sold.set()
        return looks

    *_, first, second, looks = run_together(
        inventory_dsn, *(sell(number) for number in range(sellers)), roll_up, roll_up, watch
    )

    assert first + second == 3 * sellers * sales_each
    assert looks > 3
    assert changes_count(shop.conn) == 0
    assert wrong_totals(shop.conn) == []
    assert sum(paise for _, paise in by_category(shop.conn).values()) == 7 * sellers * sales_each


def test_totals_are_listed_page_by_page(shop, package_id):
    for line_no, category_id in enumerate(("toys", "books")):
        sold_at = shop.now + timedelta(days=31 * line_no)
        shop.conn.execute(SELL, a_sale(shop, package_id, line_no, sold_at, category_id))

    assert [row.category_id for row in sales.by_category(shop.conn, None, 1)] == ["books"]
    assert [row.category_id for row in sales.by_category(shop.conn, "books", 5)] == ["toys"]
    assert [row.month.month for row in sales.by_month(shop.conn, None, 1)] == [4]
    assert [row.month.month for row in sales.by_month(shop.conn, date(2026, 4, 1), 5)] == [3]
    assert sales.by_category(shop.conn, str(uuid4()), 0) == []


def test_sales_of_items_are_listed_by_month_and_fc_rolled_up_or_not(shop, package_id):
    put_item(shop.conn, shop.seller_id, "CUP", shop.now)
    for line_no, days, sku, fc_code in (
        (0, 0, "MUG", "BLR1"),
        (1, 0, "MUG", "BLR1"),
        (2, 0, "CUP", "BLR2"),
        (3, 31, "MUG", "BLR1"),
    ):
        sold_at = shop.now + timedelta(days=days)
        sale = a_sale(shop, package_id, line_no, sold_at)
        shop.conn.execute(SELL.replace("'MUG'", f"'{sku}'").replace("'BLR1'", f"'{fc_code}'"), sale)
        if line_no == 1:
            sales.roll_up(shop.conn)

    def sold(after=None, limit=9, **wanted):
        rows = sales.by_item(shop.conn, ItemSalesFilter(**wanted), after, limit)
        return [(row.month.month, row.fc_code, row.sku, row.quantity) for row in rows]

    everything = [(4, "BLR1", "MUG", 1), (3, "BLR1", "MUG", 2), (3, "BLR2", "CUP", 1)]
    assert sold() == everything
    assert sold(limit=1) + sold((date(2026, 4, 1), "BLR1", "MUG")) == everything
    assert sold((date(2026, 3, 1), "BLR1", "MUG")) == everything[2:]
    assert sold(month=date(2026, 3, 1)) == everything[1:]
    assert sold(fc_code="BLR2") == sold(sku="CUP") == everything[2:]
