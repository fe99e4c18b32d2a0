"""Closing a part of the network of India strands none of what is under way over it."""

import contextlib
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from fulfillment_app.chalicelib.services import facilities, forwarding, line_haul, rebuilds
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from online_kart.domain.batches import BatchFilter
from online_kart.inventory_db import batches, manifests
from online_kart.planning.routes import current_routes
from online_kart.postgres import Database
from tests.closings import (
    aftermath,
    built,
    closing,
    deletion,
    handing_over,
    no_longer_served,
    replanned,
    undone,
)
from tests.identity import ADMIN
from tests.networks import HOP_LIMIT, build
from tests.servers import fresh_name
from tests.under_way import lanes_of, lanes_through_all, open_india, put_under_way, see

NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
REMOTE = ("IXZ1", "AGX1", "IXL1")
"""The FCs of Port Blair, Agatti and Leh: no road leads there."""
SEED = 5
LANES = 9


@pytest.fixture(scope="module")
def market(inventory_copies, servers, india):
    """India, open."""
    documents = connection.database(servers.mongodb_uri, fresh_name())
    ensure_collections(documents)
    with inventory_copies() as dsn, contextlib.closing(Database(dsn)) as database:
        yield open_india(database.connection(), documents, india, NOW)
    documents.client.drop_database(documents.name)


@pytest.fixture(scope="module")
def before(market):
    """Packages under way, in every situation, as they are before each change."""
    lanes = lanes_of(market.network, REMOTE, LANES, SEED)
    return see(market, list(put_under_way(market, lanes)))


def passed_by(before):
    """How many packages are still to pass each facility, or are there."""
    return Counter(stop.facility for seen in before.values() for stop in seen.ahead)


def most_first(counts):
    """Of equals the first by name: the packages' ids, and so their order, are others each time."""
    return sorted(counts, key=lambda name: (-counts[name], name))


def busiest(market, before, is_one):
    return next(
        code for code in most_first(passed_by(before)) if is_one(market.network.by_code[code])
    )


def is_fc(facility):
    return not facility.is_hub


def is_hub(facility):
    return facility.is_hub


def on_the_way(market, before):
    """The FC that most packages are to pass on their way to another."""
    passing = Counter(stop.facility for seen in before.values() for stop in seen.ahead[1:-1])
    return next(code for code in most_first(passing) if is_fc(market.network.by_code[code]))


def test_packages_are_under_way_in_every_situation(market, before):
    seen = before.values()

    assert {each.package.status for each in seen} == {"planned", "in_transit", "returning"}
    assert {each.batch.status for each in seen} == {"open", "closed", "in_transit", "arrived"}
    assert {1, 2, 3, HOP_LIMIT} <= {each.ahead[0].budget for each in seen}
    assert market.broken_invariants() == []


CLOSINGS = {
    "the busiest hub": lambda market, before: [busiest(market, before, is_hub)],
    "the busiest FC": lambda market, before: [busiest(market, before, is_fc)],
    "an FC on the way": lambda market, before: [on_the_way(market, before)],
    "the only airport of an island": lambda market, before: ["AGX"],
    "the only FC of an island": lambda market, before: ["AGX1"],
    "the only FC of an island with two hubs": lambda market, before: ["IXZ1"],
    "both hubs of an island": lambda market, before: ["IXZ", "INIXZ"],
    "the airport of Leh": lambda market, before: ["IXL"],
}


@pytest.mark.parametrize("what", CLOSINGS)
def test_closing_a_part_strands_nothing(market, before, what):
    codes = CLOSINGS[what](market, before)

    after = aftermath(market, before, closing(market.network, *codes))

    assert after.wrong == ()
    assert after.replanned > 0


def test_deleting_the_busiest_legs_strands_nothing(market, before):
    stops = Counter(
        here.leg.key for seen in before.values() for here in seen.ahead if here.leg is not None
    )
    keys = most_first(stops)[:5]

    after = aftermath(market, before, deletion(market.network, *keys))

    assert after.wrong == ()
    assert after.replanned > 0


def test_what_nobody_serves_any_more_is_carried_to_its_fc_all_the_same(market, before):
    fc = busiest(market, before, is_fc)

    after = aftermath(market, before, no_longer_served(market.network, fc))

    assert after.wrong == ()
    assert after.replanned == 0


def test_another_fc_takes_over_what_is_under_way_to_one_that_closes(market, before):
    neighbour_of = {
        leg.origin: leg.destination
        for leg in market.network.legs
        if is_fc(market.network.by_code[leg.destination])
    }
    ends = Counter(
        seen.package.destination_fc_code
        for seen in before.values()
        if seen.package.status == "in_transit" and seen.package.destination_fc_code in neighbour_of
    )
    fc = most_first(ends)[0]
    neighbour = neighbour_of[fc]

    after = aftermath(market, before, handing_over(market.network, fc, neighbour))

    assert after.wrong == ()
    assert after.replanned > 0


# It empties


def move_on(market, batch):
    """One step of what its run does, when that is due."""
    conn, documents = market.conn, market.documents
    if batch.status == "open":
        line_haul.close(conn, batch.batch_id, batch.revision, batch.due_at)
    elif batch.status == "closed":
        line_haul.depart(conn, documents, batch.batch_id, batch.revision, HOP_LIMIT, batch.due_at)
    elif batch.status == "in_transit":
        line_haul.arrive(conn, documents, ADMIN, batch.batch_id, None, (), batch.expected_at)
    else:
        for package_id in manifests.packages_in(conn, batch.batch_id):
            forwarding.forward(conn, documents, batch.batch_id, package_id, batch.arrived_at)
        forwarding.finish(conn, batch.batch_id, batch.revision, batch.arrived_at)


def batches_of(market, code):
    """Those from the facility, and to it."""
    every = [BatchFilter(origin=code), BatchFilter(destination=code)]
    return [batch for some in every for batch in batches.listed(market.conn, some, None, 1_000)]


def test_an_airport_that_closes_is_left_by_all_that_was_there_or_on_its_way_there(market, before):
    """The whole way, with tables that are built and stored: from Port Blair everything goes by ship now."""
    airport = "IXZ"
    change = closing(market.network, airport)
    with undone(market, before):
        after = replanned(market, before, change, built(market, change))
        assert after.wrong == ()
        assert after.replanned > 0

        while found := batches_of(market, airport):
            for batch in found:
                move_on(market, batch)

        assert facilities.close_drained(market.conn, NOW) == 1
        assert market.broken_invariants() == []


# All of them


@pytest.fixture(scope="module")
def many_before(market):
    """To, from or over every FC. Planned by tables of the whole network: what was built and undone is still in force."""
    version = rebuilds.request_rebuild(market.conn, "a test", NOW)
    assert build(market.conn, market.documents, version, NOW) == "published"
    current_routes(market.documents, at_least=version)
    lanes = lanes_through_all(market.network, SEED)
    return see(market, list(put_under_way(market, lanes, places_max=2)))


@pytest.mark.slow
@pytest.mark.parametrize("what", CLOSINGS)
def test_closing_a_part_strands_nothing_with_tables_built_and_stored(market, before, what):
    change = closing(market.network, *CLOSINGS[what](market, before))

    with undone(market, before):
        assert replanned(market, before, change, built(market, change)).wrong == ()


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_closing_any_facility_strands_nothing(market, many_before, capsys):
    fcs = {fc.code for fc in market.network.fcs}
    assert fcs <= {code for seen in many_before.values() for code in seen.path.facilities}
    wrong = {}
    for code in sorted(market.network.by_code):
        after = aftermath(market, many_before, closing(market.network, code))
        if after.wrong:
            wrong[code] = after.wrong
        with capsys.disabled():
            sys.stdout.write(f"{code}: {after.replanned} planned anew, {len(after.wrong)} wrong\n")

    assert wrong == {}
