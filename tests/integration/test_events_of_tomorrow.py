"""While a release is deployed, who tells may be ahead of who hears: events have fields that no consumer knows yet."""

import pytest

from local.reading import Stores
from tests.things import put_things

TELL_MORE = """
CREATE FUNCTION tell_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.payload := NEW.payload || '{"of_tomorrow": {"x": 1}}';
    RETURN NEW;
END $$;
CREATE TRIGGER tell_more BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION tell_more();
"""


@pytest.fixture
def stores(inventory_db, customer_db, documents):
    for conn in (inventory_db, customer_db):
        conn.execute(TELL_MORE)
    return Stores(inventory_db, customer_db, documents)


def test_a_field_that_no_consumer_knows_yet_holds_up_none_of_them(stores, now):
    """Orders are served, delivered and returned, prices set, goods announced: each consumer hears of all that."""
    things = put_things(stores, now)

    told = stores.inventory.execute("SELECT count(*) FROM outbox").fetchone()
    assert (
        told
        == stores.inventory.execute(
            "SELECT count(*) FROM outbox WHERE payload ? 'of_tomorrow'"
        ).fetchone()
    )
    (status,) = stores.customer.execute(
        "SELECT status FROM returns WHERE return_id = %s", [things["return_id"]]
    ).fetchone()
    assert status == "planned"
