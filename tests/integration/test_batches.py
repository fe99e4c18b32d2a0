"""Batches on real databases: joining, closing, departing and arriving, also twice, at once and after a crash."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from fulfillment_app.chalicelib.services import batches, line_haul
from fulfillment_app.chalicelib.services.line_haul import Missing, Outcome
from online_kart.domain.batches import Batch, BatchFilter, SendUnits
from online_kart.domain.errors import (
    BatchAlreadyClosed,
    BatchStatusConflict,
    DepartureTaken,
    InvalidRequest,
    ManifestMismatch,
    NotFound,
    UnitsHaveLeft,
)
from tests.identity import ADMIN

from ..faults import crash_before_the_commit
from ..freight import (
    BY_AIR,
    BY_ROAD,
    HANDLING,
    SKU,
    Shop,
    a_batch,
    batch_of,
    broken_invariants,
    departed,
    history_of,
    leg,
    level_at,
    load,
    package_of,
    path_of,
    put_package,
    put_shop,
)
from ..networks import HOP_LIMIT
from ..shop import events_of
from ..together import run_together

TRIALS = 30
TO_AIRPORT = timedelta(minutes=leg("BLR1", "BLR").transit_minutes)


@pytest.fixture
def shop(inventory_db, documents, now) -> Shop:
    return put_shop(inventory_db, documents, now)


Action = Callable[[Connection[Any]], Any]


def joining(shop: Shop, package_id: UUID, ready_at: datetime) -> Action:
    def join(conn: Connection[Any]) -> None:
        with conn.transaction():
            load(shop, package_id, "BLR1", "BLR", ready_at, conn)

    return join


def closing(batch: Batch) -> Action:
    return lambda conn: line_haul.close(conn, batch.batch_id, 1, batch.due_at)


def close(shop: Shop, batch_id: UUID, at: datetime | None = None) -> Outcome:
    batch = a_batch(shop, batch_id)
    return line_haul.close(shop.conn, batch_id, batch.revision, at or batch.due_at)


def depart(shop: Shop, batch_id: UUID) -> Outcome:
    """Closed and departed at its time."""
    batch = a_batch(shop, batch_id)
    close(shop, batch_id)
    return line_haul.depart(
        shop.conn, shop.documents, batch_id, batch.revision, HOP_LIMIT, batch.due_at
    )


def arrive(
    shop: Shop, batch_id: UUID, scanned=None, missing=(), at: datetime | None = None
) -> Batch:
    at = at or a_batch(shop, batch_id).expected_at
    assert at is not None
    return line_haul.arrive(shop.conn, shop.documents, ADMIN, batch_id, scanned, missing, at)


# Joining


def test_packages_for_one_departure_share_a_batch_and_one_event_opens_it(shop):
    one, other = put_package(shop), put_package(shop)

    assert batch_of(shop.conn, one) == batch_of(shop.conn, other)
    (opened,) = events_of(shop.conn, "BatchOpened")
    batch = a_batch(shop, batch_of(shop.conn, one))
    assert opened["batch_id"] == str(batch.batch_id)
    assert opened["revision"] == 1
    assert datetime.fromisoformat(opened["due_at"]) == batch.due_at
    assert batch.due_at >= shop.now + HANDLING
    assert broken_invariants(shop.conn) == []


def test_another_leg_or_another_departure_is_another_batch(shop):
    by_air, by_road = put_package(shop, BY_AIR), put_package(shop, BY_ROAD)
    later = put_package(shop, loaded=False)
    load(shop, later, "BLR1", "BLR", shop.now + timedelta(hours=4))

    assert len({batch_of(shop.conn, each) for each in (by_air, by_road, later)}) == 3


def test_loading_twice_is_loading_once(shop):
    package_id = put_package(shop)
    batch_id = batch_of(shop.conn, package_id)

    again = load(shop, package_id, "BLR1", "BLR", shop.now + HANDLING)

    assert again.batch_id == batch_id
    assert len(events_of(shop.conn, "BatchOpened")) == 1


def test_a_package_that_is_loaded_elsewhere_leaves_its_open_batch(shop):
    package_id = put_package(shop, BY_AIR)
    before = batch_of(shop.conn, package_id)

    load(shop, package_id, "BLR1", "BLR2", shop.now + HANDLING)

    assert batch_of(shop.conn, package_id) != before
    assert batches.by_id(shop.conn, before).manifest.is_empty


def test_a_departure_that_was_closed_is_followed_by_the_next_one(shop):
    first = put_package(shop)
    batch = a_batch(shop, batch_of(shop.conn, first))
    close(shop, batch.batch_id)
    late = put_package(shop)

    next_batch = a_batch(shop, batch_of(shop.conn, late))

    assert next_batch.due_at == batch.due_at + timedelta(hours=4)


def test_a_departure_of_the_history_is_not_opened_again(shop):
    package_id = put_package(shop)
    batch = a_batch(shop, batch_of(shop.conn, package_id))
    batches.unload(shop.conn, package_id)
    assert close(shop, batch.batch_id).state == "finished"

    again = load(shop, package_id, "BLR1", "BLR", shop.now + HANDLING)

    assert again.due_at == batch.due_at + timedelta(hours=4)


def test_a_departure_long_past_is_not_opened(shop):
    package_id = put_package(shop, loaded=False)

    batch = load(shop, package_id, "BLR1", "BLR", shop.now - timedelta(days=3))

    assert batch.due_at >= shop.now - batches.DEPARTURE_WAITS


def test_a_package_on_a_sealed_manifest_can_be_neither_unloaded_nor_loaded_elsewhere(shop):
    package_id = put_package(shop)
    close(shop, batch_of(shop.conn, package_id))

    assert batches.unload(shop.conn, package_id) is False
    with pytest.raises(BatchAlreadyClosed):
        load(shop, package_id, "BLR1", "BLR2", shop.now + HANDLING)


def test_packages_loaded_at_once_join_one_batch(shop, inventory_dsn):
    package_ids = [put_package(shop, loaded=False) for _ in range(8)]

    ready_at = shop.now + HANDLING
    answers = run_together(
        inventory_dsn,
        *(joining(shop, each, ready_at) for each in package_ids),
    )

    assert answers == [None] * 8
    assert len({batch_of(shop.conn, each) for each in package_ids}) == 1
    assert len(events_of(shop.conn, "BatchOpened")) == 1


def test_a_package_that_races_the_closing_is_on_a_manifest_that_is_true(shop, inventory_dsn):
    for trial in range(TRIALS):
        early = put_package(shop, loaded=False)
        late = put_package(shop, loaded=False)
        ready_at = shop.now + trial * timedelta(hours=4)
        batch = load(shop, early, "BLR1", "BLR", ready_at)

        answers = run_together(inventory_dsn, joining(shop, late, ready_at), closing(batch))

        assert answers == [None, Outcome("closed")]
        found = batches.by_id(shop.conn, batch.batch_id)
        assert found.batch.status == "closed"
        is_on_manifest = late in found.manifest.package_ids
        assert is_on_manifest == (batch_of(shop.conn, late) == batch.batch_id)
        if not is_on_manifest:
            assert a_batch(shop, batch_of(shop.conn, late)).due_at > batch.due_at
    assert broken_invariants(shop.conn) == []


# Closing


def test_a_batch_that_is_not_due_waits_on(shop):
    batch = a_batch(shop, batch_of(shop.conn, put_package(shop)))

    early = line_haul.close(shop.conn, batch.batch_id, 1, batch.due_at - timedelta(seconds=1))

    assert early == Outcome("not_due", batch.due_at)
    assert a_batch(shop, batch.batch_id).status == "open"


def test_closing_seals_the_manifest(shop):
    package_ids = sorted(put_package(shop) for _ in range(3))
    batch_id = batch_of(shop.conn, package_ids[0])

    assert close(shop, batch_id).state == "closed"
    assert close(shop, batch_id).state == "closed"

    found = batches.by_id(shop.conn, batch_id)
    assert list(found.manifest.package_ids) == package_ids
    assert found.batch.closed_at == found.batch.due_at


def test_an_empty_batch_ends_when_it_is_due(shop):
    package_id = put_package(shop)
    batch_id = batch_of(shop.conn, package_id)
    assert batches.unload(shop.conn, package_id)

    assert close(shop, batch_id).state == "finished"
    assert close(shop, batch_id).state == "finished"

    found = batches.by_id(shop.conn, batch_id)
    assert found.batch.status == "finished"
    assert found.batch.departed_at is None


def test_a_run_of_an_older_revision_does_nothing(shop):
    package_id = put_package(shop)
    batch = a_batch(shop, batch_of(shop.conn, package_id))
    assert batches.bump_revision(shop.conn, batch.batch_id, shop.now)

    steps = [
        line_haul.close(shop.conn, batch.batch_id, 1, batch.due_at),
        line_haul.depart(shop.conn, shop.documents, batch.batch_id, 1, HOP_LIMIT, batch.due_at),
        line_haul.check_arrival(shop.conn, batch.batch_id, 1, batch.due_at),
        line_haul.alert_late(shop.conn, batch.batch_id, 1, 60, batch.due_at),
    ]

    assert {outcome.state for outcome in steps} == {"superseded"}
    assert a_batch(shop, batch.batch_id).status == "open"
    assert [event["revision"] for event in events_of(shop.conn, "BatchOpened")] == [1, 2]


def test_two_closers_at_once_seal_once(shop, inventory_dsn):
    batch = a_batch(shop, batch_of(shop.conn, put_package(shop)))

    outcomes = run_together(inventory_dsn, *[closing(batch)] * 3)

    assert outcomes == [Outcome("closed")] * 3


def test_a_batch_nobody_knows_is_not_found(shop):
    with pytest.raises(NotFound):
        line_haul.close(shop.conn, uuid4(), 1, shop.now)
    with pytest.raises(NotFound):
        batches.by_id(shop.conn, uuid4())
    assert batches.bump_revision(shop.conn, uuid4(), shop.now) is False


# Moving


def test_a_moved_batch_gets_a_new_run_and_its_packages_expect_the_new_time(shop):
    package_id = put_package(shop)
    batch = a_batch(shop, batch_of(shop.conn, package_id))
    due_at = batch.due_at + timedelta(hours=1)

    moved = batches.reschedule(shop.conn, shop.documents, ADMIN, batch.batch_id, due_at, shop.now)

    assert (moved.due_at, moved.revision) == (due_at, 2)
    opened = events_of(shop.conn, "BatchOpened")[-1]
    assert (opened["revision"], datetime.fromisoformat(opened["due_at"])) == (2, due_at)
    stops = path_of(shop.documents, package_id).stops
    assert stops[0].expected_departure_at == due_at
    assert stops[0].planned_departure_at == batch.due_at
    assert stops[1].expected_arrival_at == due_at + TO_AIRPORT


def test_a_batch_can_not_be_moved_to_the_past_onto_another_or_after_it_was_closed(shop):
    batch = a_batch(shop, batch_of(shop.conn, put_package(shop)))
    other = load(
        shop, put_package(shop, loaded=False), "BLR1", "BLR", batch.due_at + timedelta(hours=1)
    )

    def move(due_at: datetime) -> None:
        batches.reschedule(shop.conn, shop.documents, ADMIN, batch.batch_id, due_at, shop.now)

    with pytest.raises(InvalidRequest):
        move(shop.now - timedelta(minutes=1))
    with pytest.raises(DepartureTaken):
        move(other.due_at)
    close(shop, batch.batch_id)
    with pytest.raises(BatchStatusConflict):
        move(batch.due_at + timedelta(hours=1))


# Departing


def test_what_departs_is_out_of_stock_under_way_and_expected(shop):
    package_id = put_package(shop, quantity=2)
    batch = a_batch(shop, batch_of(shop.conn, package_id))

    outcome = depart(shop, batch.batch_id)

    expected_at = batch.due_at + TO_AIRPORT
    assert outcome == Outcome("in_transit", expected_at + line_haul.GRACE)
    assert a_batch(shop, batch.batch_id).expected_at == expected_at
    package = package_of(shop.conn, package_id)
    assert (package.status, package.at_facility, package.budget) == ("in_transit", None, HOP_LIMIT)
    assert level_at(shop, "BLR1") == (998, 0)
    assert path_of(shop.documents, package_id).stops[0].actual_departure_at == batch.due_at
    changed = events_of(shop.conn, "PackageChanged")[-1]
    assert (changed["what"], changed["status"], changed["version"]) == ("departed", "in_transit", 2)
    assert history_of(shop.conn, package_id) == ["planned", "departed"]
    assert broken_invariants(shop.conn) == []


def test_a_leg_to_an_fc_takes_from_the_budget(shop):
    package_id = put_package(shop, BY_ROAD)
    depart(shop, batch_of(shop.conn, package_id))

    assert package_of(shop.conn, package_id).budget == HOP_LIMIT - 1


def test_departing_twice_and_at_once_is_departing_once(shop, inventory_dsn):
    package_ids = [put_package(shop) for _ in range(5)]
    batch = a_batch(shop, batch_of(shop.conn, package_ids[0]))
    close(shop, batch.batch_id)

    def leave(conn: Connection[Any], minutes: int) -> Outcome:
        at = batch.due_at + timedelta(minutes=minutes)
        return line_haul.depart(conn, shop.documents, batch.batch_id, 1, HOP_LIMIT, at)

    outcomes = run_together(
        inventory_dsn, *(lambda conn, m=minutes: leave(conn, m) for minutes in range(4))
    )
    outcomes.append(leave(shop.conn, 9))

    assert len(set(outcomes)) == 1
    assert outcomes[0].state == "in_transit"
    departed_at = a_batch(shop, batch.batch_id).departed_at
    for package_id in package_ids:
        assert history_of(shop.conn, package_id) == ["planned", "departed"]
        assert path_of(shop.documents, package_id).stops[0].actual_departure_at == departed_at
    assert level_at(shop, "BLR1") == (990, 0)
    assert broken_invariants(shop.conn) == []


def test_a_crash_between_documents_and_commit_is_mended_by_the_repeat(shop):
    package_id = put_package(shop)
    batch = a_batch(shop, batch_of(shop.conn, package_id))
    close(shop, batch.batch_id)

    crash_before_the_commit(
        shop.conn,
        lambda: line_haul.depart(
            shop.conn, shop.documents, batch.batch_id, 1, HOP_LIMIT, batch.due_at
        ),
    )

    assert a_batch(shop, batch.batch_id).status == "closed"
    assert path_of(shop.documents, package_id).stops[0].actual_departure_at == batch.due_at
    later = batch.due_at + timedelta(minutes=7)
    line_haul.depart(shop.conn, shop.documents, batch.batch_id, 1, HOP_LIMIT, later)

    path = path_of(shop.documents, package_id)
    assert a_batch(shop, batch.batch_id).departed_at == batch.due_at
    assert path.stops[0].actual_departure_at == batch.due_at
    assert path.stops[1].expected_arrival_at == batch.due_at + TO_AIRPORT
    assert path.version == package_of(shop.conn, package_id).version
    assert broken_invariants(shop.conn) == []


def test_an_open_batch_can_not_depart(shop):
    batch = a_batch(shop, batch_of(shop.conn, put_package(shop)))

    with pytest.raises(BatchStatusConflict):
        line_haul.depart(shop.conn, shop.documents, batch.batch_id, 1, HOP_LIMIT, batch.due_at)


class CountingConnection(psycopg.Connection[Any]):
    """Counts round trips: `executemany` is one, its statements go in a pipeline."""

    calls = 0

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        CountingConnection.calls += 1
        return super().cursor(*args, **kwargs)


def test_departing_and_arriving_take_as_many_statements_for_200_packages_as_for_one(
    shop, inventory_dsn
):
    def calls(stops: tuple[str, ...], count: int) -> tuple[int, int]:
        package_ids = [put_package(shop, stops, quantity=1) for _ in range(count)]
        batch = a_batch(shop, batch_of(shop.conn, package_ids[0]))
        close(shop, batch.batch_id)
        with CountingConnection.connect(inventory_dsn, autocommit=True) as conn:
            CountingConnection.calls = 0
            line_haul.depart(conn, shop.documents, batch.batch_id, 1, HOP_LIMIT, batch.due_at)
            departing, CountingConnection.calls = CountingConnection.calls, 0
            line_haul.arrive(conn, shop.documents, ADMIN, batch.batch_id, None, (), batch.due_at)
            return departing, CountingConnection.calls

    assert calls(BY_AIR, 1) == calls(BY_ROAD, 200)


# Arriving


def test_a_scan_puts_every_package_at_the_destination(shop):
    package_id = put_package(shop)
    batch_id = batch_of(shop.conn, package_id)
    depart(shop, batch_id)
    at = shop.now + timedelta(hours=5)

    batch = arrive(shop, batch_id, at=at)

    assert (batch.status, batch.arrived_at) == ("arrived", at)
    package = package_of(shop.conn, package_id)
    assert (package.status, package.at_facility) == ("in_transit", "BLR")
    assert path_of(shop.documents, package_id).stops[1].actual_arrival_at == at
    assert history_of(shop.conn, package_id) == ["planned", "departed", "arrived"]
    assert broken_invariants(shop.conn) == []


def test_scanning_twice_is_scanning_once(shop):
    package_id = put_package(shop)
    batch_id = batch_of(shop.conn, package_id)
    depart(shop, batch_id)
    first = arrive(shop, batch_id)

    again = arrive(shop, batch_id, at=shop.now + timedelta(days=9))

    assert again == first
    assert history_of(shop.conn, package_id) == ["planned", "departed", "arrived"]


def test_a_scan_that_crashed_before_the_commit_is_made_again(shop):
    package_id = put_package(shop)
    batch_id = batch_of(shop.conn, package_id)
    depart(shop, batch_id)
    at = shop.now + timedelta(hours=5)
    crash_before_the_commit(shop.conn, lambda: arrive(shop, batch_id, at=at))
    assert a_batch(shop, batch_id).status == "in_transit"

    arrive(shop, batch_id, at=at + timedelta(minutes=2))

    path = path_of(shop.documents, package_id)
    assert path.stops[1].actual_arrival_at == at + timedelta(minutes=2)
    assert path.version == package_of(shop.conn, package_id).version
    assert broken_invariants(shop.conn) == []


def test_a_package_that_did_not_come_is_lost_and_the_others_arrive(shop):
    there, lost = put_package(shop), put_package(shop)
    batch_id = batch_of(shop.conn, there)
    depart(shop, batch_id)

    arrive(shop, batch_id, scanned=[there], missing=[Missing(lost, "torn open")])

    assert package_of(shop.conn, there).at_facility == "BLR"
    assert package_of(shop.conn, lost).status == "lost"
    assert path_of(shop.documents, lost).status == "lost"
    assert lost in batches.by_id(shop.conn, batch_id).manifest.package_ids
    assert broken_invariants(shop.conn) == []


def test_a_scan_that_does_not_fit_the_manifest_changes_nothing(shop):
    one, other, stranger = put_package(shop), put_package(shop), uuid4()
    batch_id = batch_of(shop.conn, one)
    depart(shop, batch_id)

    with pytest.raises(ManifestMismatch) as mismatch:
        arrive(shop, batch_id, scanned=[one, stranger])

    assert mismatch.value.unaccounted == [str(other)]
    assert mismatch.value.unknown == [str(stranger)]
    assert a_batch(shop, batch_id).status == "in_transit"


def test_a_batch_that_has_not_departed_can_not_arrive(shop):
    batch_id = batch_of(shop.conn, put_package(shop))

    with pytest.raises(BatchStatusConflict):
        arrive(shop, batch_id, at=shop.now)


def test_a_batch_is_looked_for_missed_and_told_of_less_and_less_often(shop):
    batch_id = batch_of(shop.conn, put_package(shop))
    looked_for_at = depart(shop, batch_id).until
    assert looked_for_at is not None
    conn = shop.conn

    early = line_haul.check_arrival(conn, batch_id, 1, looked_for_at - timedelta(minutes=1))
    late = line_haul.check_arrival(conn, batch_id, 1, looked_for_at)
    alerts = [line_haul.alert_late(conn, batch_id, 1, 60, looked_for_at) for _ in range(6)]

    assert early == Outcome("not_yet", looked_for_at)
    assert late == Outcome("late")
    waits = [alert.until - looked_for_at for alert in alerts if alert.until]
    assert [wait / timedelta(hours=1) for wait in waits] == [1, 2, 4, 8, 16, 16]
    assert len(events_of(conn, "BatchDelayed")) == 6
    arrive(shop, batch_id)
    assert line_haul.check_arrival(conn, batch_id, 1, looked_for_at) == Outcome("arrived")


# Restocking units


def test_restocking_units_leave_one_stock_with_their_batch(shop):
    units = a_transfer(shop, 40)

    batch = batches.send_units(shop.conn, ADMIN, units, shop.now)
    assert batches.send_units(shop.conn, ADMIN, units, shop.now) == batch
    departed(shop, batch.batch_id)

    assert (batch.origin, batch.destination) == BY_ROAD
    assert level_at(shop, "BLR1") == (960, 0)
    (carried,) = batches.by_id(shop.conn, batch.batch_id).manifest.units
    assert (carried.transfer_id, carried.quantity) == (units.transfer_id, 40)
    with pytest.raises(UnitsHaveLeft):
        batches.send_units(shop.conn, ADMIN, units, shop.now)
    assert broken_invariants(shop.conn) == []


def a_transfer(shop: Shop, quantity: int, destination: str = "BLR2") -> SendUnits:
    return SendUnits(
        transfer_id=uuid4(),
        sku=SKU,
        seller_id=shop.seller_id,
        quantity=quantity,
        origin="BLR1",
        destination=destination,
    )


def test_units_that_were_sold_meanwhile_stay_behind(shop):
    batch = batches.send_units(shop.conn, ADMIN, a_transfer(shop, 1001), shop.now)

    departed(shop, batch.batch_id)

    assert batches.by_id(shop.conn, batch.batch_id).manifest.units == ()
    assert broken_invariants(shop.conn) == []


@pytest.mark.parametrize("destination", ["BLR", "DEL1", "NOWHERE"])
def test_units_go_from_fc_to_fc_over_one_leg_only(shop, destination):
    with pytest.raises(NotFound):
        batches.send_units(shop.conn, ADMIN, a_transfer(shop, 1, destination), shop.now)


# Listing


def test_batches_are_listed_by_what_they_are(shop):
    by_air, by_road = put_package(shop, BY_AIR), put_package(shop, BY_ROAD)
    flying, driving = batch_of(shop.conn, by_air), batch_of(shop.conn, by_road)
    depart(shop, flying)

    def ids(**wanted: Any) -> list[UUID]:
        rows = batches.listed(shop.conn, BatchFilter(**wanted), None, 10)
        return [row.batch_id for row in rows]

    assert set(ids()) == {flying, driving}
    assert ids(status="open") == [driving]
    assert ids(destination="BLR") == [flying]
    assert ids(status="in_transit", expected_before=shop.now + timedelta(days=1)) == [flying]
    assert ids(status="in_transit", expected_before=shop.now) == []
    assert ids(status="finished") == []
