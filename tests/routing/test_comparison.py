"""What differs between two networks: against looking at every table, pincode and pair, on random networks and changes."""

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations

import pytest

from online_kart.domain.errors import NotServed
from online_kart.domain.network import Facility, Leg, LegKey, Mode, Network
from online_kart.domain.routes import PlannedPath
from online_kart.routing import pairs
from online_kart.routing.comparison import Comparison, Planned
from online_kart.routing.connections import Connections, connection
from online_kart.routing.differences import difference, pincodes_changes
from online_kart.routing.tables import Router
from tests.builders import a_hub, a_leg, a_network, an_fc, flights, roads

EVERYTHING = 100_000


def a_random_network(rng: random.Random) -> Network:
    """Up to 16 facilities; near neighbours are joined, some one way."""
    codes = [f"{rng.choice('ABXY')}{number:02}" for number in range(rng.randint(4, 16))]
    hubs = set(rng.sample(codes, rng.randint(0, len(codes) // 3)))
    facilities = [
        a_hub(code, handling_minutes=rng.randint(0, 3))
        if code in hubs
        else an_fc(code, (110_000 + 50 * place, 110_049 + 50 * place), handling_minutes=1)
        for place, code in enumerate(codes)
    ]
    drawn = {}
    for place, code in enumerate(codes):
        for _ in range(rng.randint(0, 4)):
            to = codes[(place + rng.choice([1, 1, 2, 3, 7])) % len(codes)]
            if to != code:
                is_flight = {code, to} <= hubs and rng.random() < 0.7
                leg = a_leg(code, to, rng.randint(0, 4), Mode.AIR if is_flight else Mode.ROAD)
                drawn[leg.key] = leg
    return Network(
        hop_limit=rng.randint(1, 4), facilities=tuple(facilities), legs=tuple(drawn.values())
    )


def changed(network: Network, rng: random.Random) -> Network:
    """With one to three changes, of any kind."""
    for _ in range(rng.randint(1, 3)):
        network = rng.choice(CHANGES)(network, rng)
    return Network.model_validate(network.model_dump())


def _without_a_facility(network: Network, rng: random.Random) -> Network:
    code = rng.choice(sorted(network.by_code))
    facilities = tuple(each for each in network.facilities if each.code != code)
    return _rebuilt(network, facilities, [leg for leg in network.legs if code not in leg.key])


def _with_a_facility(network: Network, rng: random.Random) -> Network:
    code = f"N{len(network.facilities)}{rng.randint(100, 999)}"
    near = rng.choice(sorted(network.by_code) or [code])
    more = a_hub(code) if rng.random() < 0.4 else an_fc(code, handling_minutes=1)
    legs = [*network.legs, *([] if near == code else [*roads(code, near), *roads(near, code)])]
    return _rebuilt(network, (*network.facilities, more), legs)


def _without_a_leg(network: Network, rng: random.Random) -> Network:
    gone = rng.choice(network.legs) if network.legs else None
    return _rebuilt(network, network.facilities, [leg for leg in network.legs if leg != gone])


def _with_another_leg(network: Network, rng: random.Random) -> Network:
    if not network.legs:
        return network
    leg = rng.choice(network.legs)
    other: dict[str, object] = rng.choice(
        [
            {"transit_minutes": rng.randint(0, 6)},
            {"departure_times": (time(6), time(9))},
            {"mode": Mode.ROAD},
        ]
    )
    legs = {each.key: each for each in network.legs if each != leg}
    more = leg.model_copy(update=other)
    return _rebuilt(network, network.facilities, list({**legs, more.key: more}.values()))


def _with_another_facility(network: Network, rng: random.Random) -> Network:
    return _with_one(network, rng, {"handling_minutes": rng.randint(0, 6)})


def _with_other_pincodes(network: Network, rng: random.Random) -> Network:
    first = rng.choice([200_000, 200_100])
    taken = any((first, first + 9) in each.pincode_ranges for each in network.facilities)
    ranges = () if taken else ((first, first + 9),)
    fcs = [fc.code for fc in network.fcs]
    return _with_one(network, rng, {"pincode_ranges": ranges}, fcs) if fcs else network


def _with_one(
    network: Network, rng: random.Random, update: dict[str, object], among: list[str] | None = None
) -> Network:
    code = rng.choice(among or sorted(network.by_code))
    facilities = tuple(
        each.model_copy(update=update) if each.code == code else each for each in network.facilities
    )
    return _rebuilt(network, facilities, list(network.legs))


def _rebuilt(network: Network, facilities: tuple[Facility, ...], legs: list[Leg]) -> Network:
    return Network.model_construct(
        hop_limit=network.hop_limit, facilities=facilities, legs=tuple(legs), attribution=""
    )


CHANGES = [
    _without_a_facility,
    _with_a_facility,
    _without_a_leg,
    _with_another_leg,
    _with_another_facility,
    _with_other_pincodes,
]


class InDays:
    """Handling and transit take as many days as minutes, and each departure of a timetable a day more."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def ready_at(self, origin: str) -> datetime:
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(self._handling(origin))

    def onward(self, leg: LegKey, ready_at: datetime) -> datetime:
        travelled = self._network.by_key[leg]
        waiting = len(travelled.departure_times)
        days = travelled.transit_minutes + waiting + self._handling(leg.destination)
        return ready_at + timedelta(days)

    def promise_date(self, destination: str, ready_at: datetime) -> date:
        return ready_at.date()

    def _handling(self, code: str) -> int:
        return self._network.by_code[code].handling_minutes


def planned(network: Network) -> Planned:
    return Planned(network, Router(network).table, InDays(network))


def promise_of(planned: Planned, path: PlannedPath) -> date:
    """Along the whole path, as nobody need do."""
    ready_at = planned.times.ready_at(path.origin)
    for leg in path.legs:
        ready_at = planned.times.onward(leg.key, ready_at)
    return planned.times.promise_date(path.destination, ready_at)


def comparison_of(before: Network, after: Network) -> Comparison:
    codes = before.by_code.keys() | after.by_code.keys()
    return Comparison(planned(before), planned(after), codes)


@pytest.mark.parametrize("seed", range(120))
def test_what_differs_for_pairs_is_what_looking_at_every_pair_finds(seed):
    rng = random.Random(seed)
    before = a_random_network(rng)
    after = changed(before, rng)
    comparison = comparison_of(before, after)

    told = difference(comparison, EVERYTHING)

    routers = Router(before), Router(after)
    lost: set[tuple[str, str]] = set()
    gained: set[tuple[str, str]] = set()
    moved = {}
    fcs = comparison.common_fcs()
    for origin, destination in permutations(fcs, 2):
        was, will_be = (router.plan(origin, destination) for router in routers)
        if was and will_be:
            after_, before_ = (
                promise_of(comparison.after, will_be),
                promise_of(comparison.before, was),
            )
            if days := (after_ - before_).days:
                moved[origin, destination] = days
        elif was or will_be:
            (lost if was else gained).add((origin, destination))
    assert {(p.origin, p.destination) for p in told.reach.unreachable.first} == lost
    assert {(p.origin, p.destination) for p in told.reach.reachable.first} == gained
    assert told.promises.by_days == Counter(moved.values())
    assert told.promises.moved_count == len(moved)
    worst = sorted((-days, *pair) for pair, days in moved.items())[: pairs.WORST_MAX]
    assert [(-w.days, w.origin, w.destination) for w in told.promises.worst] == worst
    assert told.reach.unreachable_fcs.first == tuple(
        fc
        for fc in fcs
        if any(destination == fc for _, destination in lost)
        and not any(routers[1].plan(o.code, fc) for o in after.fcs if o.code != fc)
    )


@pytest.mark.parametrize("seed", range(120, 180))
def test_what_differs_of_tables_and_pincodes_is_what_looking_at_every_one_finds(seed):
    rng = random.Random(seed)
    before = a_random_network(rng)
    after = changed(before, rng)
    told = difference(comparison_of(before, after), EVERYTHING)
    old, new = ({t.facility: t for t in Router(each).tables()} for each in (before, after))

    codes = old.keys() | new.keys()
    assert set(told.tables.first) == {code for code in codes if old.get(code) != new.get(code)}
    assert set(told.facilities_added.first) == new.keys() - old.keys()
    assert set(told.facilities_removed.first) == old.keys() - new.keys()
    assert {change.facility for change in told.routes.first} <= set(told.tables.first)
    for change in told.routes.first:
        assert change.before != change.after
    hubs = {c.fc_code: (c.before.home_hub, c.after.home_hub) for c in told.hubs.changed.first}
    for code in {fc.code for fc in before.fcs} & {fc.code for fc in after.fcs}:
        was, will_be = old[code].home_hub, new[code].home_hub
        assert (was, will_be) == hubs.get(code, (was, was))
    served = [{pin: fc_of(each, pin) for pin in every_pincode()} for each in (before, after)]
    expected = {pin: (served[0][pin], served[1][pin]) for pin in every_pincode()}
    listed = {
        pin: (each.before, each.after)
        for each in told.pincodes.ranges.first
        for pin in range(each.first, each.last + 1)
    }
    assert listed == {pin: both for pin, both in expected.items() if both[0] != both[1]}
    counts = Counter(
        "lost" if b is None else "gained" if a is None else "moved" for a, b in listed.values()
    )
    pincodes = told.pincodes
    assert (pincodes.lost_count, pincodes.gained_count, pincodes.moved_count) == (
        counts["lost"],
        counts["gained"],
        counts["moved"],
    )


def every_pincode() -> list[int]:
    return [*range(110_000, 110_800), *range(200_000, 200_120)]


def fc_of(network: Network, pincode: int) -> str | None:
    try:
        return network.fc_serving(pincode)
    except NotServed:
        return None


def test_nothing_differs_between_a_network_and_itself():
    network = a_random_network(random.Random(5))
    told = difference(comparison_of(network, network))

    assert (told.tables.count, told.routes.count, told.promises.pairs_count) == (0, 0, 0)
    assert told.pincodes.ranges.count == 0


def test_neighbouring_pincodes_that_move_alike_are_one_range():
    before = a_network([], an_fc("A", (110_000, 110_009), (110_010, 110_019)), an_fc("B"))
    after = a_network([], an_fc("A"), an_fc("B", (110_005, 110_012)))

    assert [
        (each.first, each.last, each.before, each.after) for each in pincodes_changes(before, after)
    ] == [
        (110_000, 110_004, "A", None),
        (110_005, 110_012, "A", "B"),
        (110_013, 110_019, "A", None),
    ]


def test_too_many_pairs_are_sampled_evenly_and_told_to_be(monkeypatch):
    codes = [f"F{number:02}" for number in range(12)]
    ring = [leg for a, b in zip(codes, codes[1:] + codes[:1], strict=True) for leg in roads(a, b)]
    before = a_network(ring, handling_minutes=1, hop_limit=12)
    after = a_network(ring, handling_minutes=2, hop_limit=12)
    full = difference(comparison_of(before, after)).promises
    monkeypatch.setattr(pairs, "PROMISES_COMPARED_MAX", full.pairs_count // 3)

    sampled = difference(comparison_of(before, after)).promises

    assert full.compared_count == full.pairs_count == full.moved_count
    assert sampled.pairs_count == full.pairs_count
    assert sampled.compared_count == sampled.moved_count == full.pairs_count // 3


def test_of_a_network_with_too_many_pairs_some_destinations_are_looked_at_and_told_to_be(
    monkeypatch,
):
    codes = [f"F{number:02}" for number in range(12)]
    before = a_network(roads(*codes), hop_limit=12)
    after = a_network(roads(*codes[1:]), an_fc(codes[0]), hop_limit=12)
    full = difference(comparison_of(before, after)).reach
    monkeypatch.setattr(pairs, "PAIRS_LOOKED_AT_MAX", 12 * 12 // 3)

    sampled = difference(comparison_of(before, after)).reach

    assert (full.looked_at_count, full.destinations_count) == (12, 12)
    assert (sampled.looked_at_count, sampled.destinations_count) == (4, 12)
    assert [full.unreachable.count, sampled.unreachable.count] == [11, 3]


# -- single points of failure


def island() -> Network:
    """A and B by the hub H, C behind B, and by air the hub I with D."""
    legs = [*roads("A", "H"), *roads("H", "A"), *roads("B", "H"), *roads("A", "B", "C")]
    return a_network([*legs, *flights("H", "I"), *roads("I", "D")], hubs="H I")


def test_a_single_point_of_failure_is_what_others_hang_on():
    connections = Connections(island())

    assert connections.single_points() == ["B", "H", "I"]
    assert connections.bridges() == [("B", "C"), ("D", "I"), ("H", "I")]
    assert connections.cut_off_without("B") == ["C"]
    assert connections.cut_off_without("H") == ["D", "I"]
    assert connections.cut_off_without("A") == []
    assert connections.cut_off_without_connection(connection("I", "H")) == ["D", "I"]
    assert connections.cut_off_without_connection(("A", "H")) == []


@pytest.mark.parametrize("seed", range(40))
def test_without_a_single_point_something_is_cut_off_and_without_another_nothing(seed):
    network = a_random_network(random.Random(seed))
    connections = Connections(network)
    points = set(connections.single_points())

    for code in network.by_code:
        assert bool(connections.cut_off_without(code)) == (code in points)
    bridges = set(connections.bridges())
    for leg in network.legs:
        between = connection(leg.origin, leg.destination)
        assert bool(connections.cut_off_without_connection(between)) == (between in bridges)
