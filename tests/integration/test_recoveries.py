"""A package that was given up as lost turns up: on to its customer, or back into stock, and every invariant holds."""

from datetime import timedelta

import pytest

from fulfillment_app.chalicelib.services import line_haul, recoveries
from fulfillment_app.chalicelib.services.line_haul import Missing
from local.invariants import check_all
from local.reading import Stores
from online_kart.domain.errors import FacilityNotOpen, NotFound, PackageStatusConflict
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides, to_serve
from tests.freight import batch_of, history_of
from tests.identity import ADMIN


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


def lost(sides, lives_at=NEIGHBOUR):
    """A package with three mugs that was not in its first truck."""
    package_id = sides.confirmed(sides.buyer(lives_at), ("MUG", 3))
    batch_id = batch_of(sides.market.conn, package_id)
    sides.depart(package_id)
    missing = [Missing(package_id, "not in the truck")]
    stores = sides.stores
    now = sides.market.now + timedelta(hours=9)
    line_haul.arrive(stores.inventory, stores.documents, ADMIN, batch_id, None, missing, now)
    sides.tell()
    return package_id


def found(sides, package_id, facility=NEIGHBOUR):
    now = sides.market.now + timedelta(hours=12)
    stores = sides.stores
    recovered = recoveries.recover(
        stores.inventory, stores.documents, ADMIN, package_id, facility, now
    )
    sides.tell()
    return recovered


def order_status(sides):
    return sides.stores.customer.execute("SELECT status FROM orders").fetchone()[0]


def broken(sides):
    """`check_all` is for a world in which each batch has its run."""
    outcomes = check_all(sides.stores)
    found = [violation for outcome in outcomes for violation in outcome.violations]
    return [each for each in found if not each.key.startswith("batch ")]


def test_who_still_waits_gets_it_and_their_order_is_open_again_until_then(sides):
    package_id = lost(sides)
    assert order_status(sides) == "finished"

    recovered = found(sides, package_id)
    assert (recovered.status, recovered.at_facility) == ("out_for_delivery", NEIGHBOUR)
    assert found(sides, package_id) == recovered
    assert order_status(sides) == "confirmed"
    assert broken(sides) == []

    sides.deliver(package_id)
    sides.tell()
    assert order_status(sides) == "finished"
    assert sides.market.level("BLR1") == (47, 0)
    assert history_of(sides.market.conn, package_id)[-4:] == [
        "found",
        "replanned",
        "out_for_delivery",
        "delivered",
    ]
    assert broken(sides) == []


def test_found_elsewhere_it_goes_on_from_there(sides):
    package_id = lost(sides, FAR)

    recovered = found(sides, package_id, "BLR1")

    assert (recovered.status, recovered.destination_fc_code) == ("in_transit", FAR)
    assert batch_of(sides.market.conn, package_id)
    assert broken(sides) == []


def test_where_its_order_is_over_it_goes_back_into_stock(sides):
    package_id = lost(sides)
    row = sides.stores.customer.execute("SELECT order_id FROM orders").fetchone()
    sides.market.recall(to_serve(sides.stores.customer, row[0]))

    assert found(sides, package_id, "BLR1").status == "returned"

    assert order_status(sides) == "finished"
    assert sides.market.level("BLR1") == (50, 0)
    assert broken(sides) == []


def test_what_is_not_lost_is_not_found_nor_where_nobody_works(sides):
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 3))
    with pytest.raises(PackageStatusConflict):
        found(sides, package_id)
    with pytest.raises(NotFound):
        found(sides, package_id, "ABC")
    sides.market.conn.execute("UPDATE facilities SET status = 'closed' WHERE code = 'DEL2'")
    with pytest.raises(FacilityNotOpen):
        found(sides, package_id, "DEL2")
