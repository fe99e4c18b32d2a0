"""Which FCs serve an order: the best plan by a slow look at all sets of FCs, and what plans promise of their content."""

from collections import Counter
from datetime import date, timedelta
from itertools import chain, combinations
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from online_kart.domain import sourcing
from online_kart.domain.errors import NoRoute, NotServed, OutOfStock, Shortage, shortages_told
from online_kart.domain.events import EventLine
from online_kart.domain.sourcing import (
    Candidate,
    SourcingPlan,
    explain,
    plans,
    refuse_if_short,
    wanted_by,
)
from online_kart.domain.stock import Offer

SELLER = UUID("5e11e500-0000-4000-8000-000000000001")
MUG, LAMP = Offer("MUG", SELLER), Offer("LAMP", SELLER)
MONDAY = date(2026, 3, 2)


def an_fc(code, days, minutes, **free):
    offers = {"mugs": MUG, "lamps": LAMP}
    units = {offers[name]: count for name, count in free.items()}
    return Candidate(code, MONDAY + timedelta(days=days), minutes, units)


def lines(*wanted):
    return [
        EventLine(
            line_no=line_no,
            sku=offer.sku,
            seller_id=offer.seller_id,
            quantity=quantity,
            unit_price_paise=100,
        )
        for line_no, (offer, quantity) in enumerate(wanted, start=1)
    ]


def best(wanted, *candidates):
    return next(plans(wanted, candidates)).fc_codes


# Ranking


def test_an_earlier_promise_is_worth_a_package_more():
    slow = an_fc("BLR1", 5, 10, mugs=2)
    one, other = an_fc("DEL1", 2, 900, mugs=1), an_fc("DEL2", 3, 900, mugs=1)

    assert best({MUG: 2}, slow, one, other) == ("DEL1", "DEL2")


def test_fewer_packages_are_worth_more_minutes_on_the_same_date():
    near, nearer = an_fc("BLR1", 2, 10, mugs=1), an_fc("BLR2", 2, 5, mugs=1)
    far = an_fc("DEL1", 2, 2_000, mugs=2)

    assert best({MUG: 2}, near, nearer, far) == ("DEL1",)


def test_of_two_fcs_that_promise_the_same_date_the_nearer_serves():
    assert best({MUG: 1}, an_fc("DEL1", 2, 50, mugs=9), an_fc("BLR1", 2, 40, mugs=1)) == ("BLR1",)


def test_equal_ways_are_told_apart_by_the_code_whatever_their_order():
    fcs = [an_fc("DEL1", 2, 50, mugs=9), an_fc("BLR1", 2, 50, mugs=9)]

    assert best({MUG: 1}, *fcs) == best({MUG: 1}, *reversed(fcs)) == ("BLR1",)


def test_an_order_that_no_fc_has_whole_is_split():
    mugs, lamps = an_fc("BLR1", 2, 10, mugs=3), an_fc("DEL1", 4, 90, lamps=1)

    plan = next(plans({MUG: 2, LAMP: 1}, [mugs, lamps]))

    assert plan.fc_codes == ("BLR1", "DEL1")
    assert plan.promise_date == MONDAY + timedelta(days=4)
    assert plan.minutes == 100


def test_there_is_no_plan_where_units_are_missing():
    assert list(plans({MUG: 3}, [an_fc("BLR1", 2, 10, mugs=2)])) == []


def test_it_is_told_of_every_offer_that_is_short_how_many_units_are_left():
    pot = Offer("POT", SELLER)
    with pytest.raises(OutOfStock) as refusal:
        refuse_if_short({MUG: 3, LAMP: 1, pot: 1}, [{MUG: 1, LAMP: 1}, {MUG: 1}])

    short = [Shortage("MUG", SELLER, 3, 2), Shortage("POT", SELLER, 1, 0)]
    assert refusal.value.facts() == {
        "shortages": [{**each._asdict(), "seller_id": str(SELLER)} for each in short]
    }


SHORTAGES = st.builds(
    Shortage,
    sku=st.from_regex(r"[A-Z0-9][A-Z0-9-]{1,39}", fullmatch=True),
    seller_id=st.uuids(),
    wanted=st.integers(1, 1_000_000),
    free=st.integers(0, 1_000_000),
)


@given(st.lists(SHORTAGES, min_size=1, max_size=50))
def test_what_is_short_can_be_read_from_the_message_alone(shortages):
    """A state machine passes on nothing else of an error."""
    assert shortages_told(str(OutOfStock(shortages))) == tuple(shortages)


@pytest.mark.parametrize("error", [NotServed(744301), NoRoute("BLR1", 560001)])
def test_another_error_tells_of_no_shortage(error):
    assert shortages_told(str(error)) == ()


# What a plan gives whom


def test_two_lines_with_the_same_offer_are_one_sum():
    assert wanted_by(lines((MUG, 2), (LAMP, 1), (MUG, 3))) == {MUG: 5, LAMP: 1}


def test_the_units_of_one_fc_are_not_given_to_two_lines():
    wanted = lines((MUG, 2), (MUG, 2))
    plan = next(
        plans(wanted_by(wanted), [an_fc("BLR1", 2, 1, mugs=3), an_fc("DEL1", 2, 9, mugs=1)])
    )

    assert [(a.line_no, a.fc_code, a.units) for a in plan.allotments(wanted)] == [
        (1, "BLR1", 2),
        (2, "BLR1", 1),
        (2, "DEL1", 1),
    ]


def test_the_answer_says_why():
    fcs = [an_fc("BLR1", 2, 10, mugs=1), an_fc("DEL1", 2, 90, mugs=5), an_fc("DEL2", 3, 1, mugs=1)]
    ranked = plans({MUG: 1}, fcs)

    why = explain(next(ranked), ranked, fcs)

    assert why.chosen.fc_codes == ("BLR1",)
    assert [plan.fc_codes for plan in why.next_best] == [("DEL1",), ("DEL2",)]
    assert [each.fc_code for each in why.considered] == ["BLR1", "DEL1", "DEL2"]
    assert why.considered_count == 3


def test_a_chosen_fc_is_shown_however_many_were_considered():
    fcs = [an_fc(f"BLR{n}", 1, 1, mugs=1) for n in range(30)]
    chosen = SourcingPlan((an_fc("DEL1", 3, 900, mugs=5),))

    why = explain(chosen, iter(()), [*fcs, *chosen.candidates])

    assert why.considered[0].fc_code == "DEL1"
    assert (len(why.considered), why.considered_count) == (sourcing.CONSIDERED_SHOWN_MAX, 31)


# Against a slow look at all sets


def all_plans(wanted, candidates):
    """Every set of FCs that has all units and none too many, the best first."""
    groups = chain.from_iterable(
        combinations(candidates, size) for size in range(1, len(candidates) + 1)
    )
    enough = {
        frozenset(each.fc_code for each in group): group
        for group in groups
        if all(sum(each.free.get(o, 0) for each in group) >= n for o, n in wanted.items())
    }
    needed = [
        group for codes, group in enough.items() if not any(other < codes for other in enough)
    ]
    return sorted((SourcingPlan(group) for group in needed), key=lambda plan: plan.rank)


some_candidates = st.lists(
    st.tuples(
        st.integers(0, 3),  # days
        st.integers(0, 4),  # minutes: few values, so that many are equal
        st.integers(0, 3),  # mugs
        st.integers(0, 2),  # lamps
    ),
    max_size=7,
).map(
    lambda rows: [
        an_fc(f"FC{place}", days, minutes, mugs=mugs, lamps=lamps)
        for place, (days, minutes, mugs, lamps) in enumerate(rows)
    ]
)


@given(some_candidates, st.integers(1, 6), st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_plans_are_all_sets_of_fcs_that_serve_an_order_the_best_first(fcs, mugs, lamps):
    wanted = {MUG: mugs} | ({LAMP: lamps} if lamps else {})

    assert [plan.rank for plan in plans(wanted, fcs)] == [p.rank for p in all_plans(wanted, fcs)]


@given(some_candidates, st.lists(st.sampled_from([MUG, LAMP]), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_every_plan_serves_all_lines_within_what_is_free_and_uses_each_fc(fcs, offers):
    wanted = lines(*((offer, 1) for offer in offers))
    for plan in plans(wanted_by(wanted), fcs):
        allotted = plan.allotments(wanted)

        assert Counter(a.line_no for a in allotted) == Counter(line.line_no for line in wanted)
        assert {a.fc_code for a in allotted} == set(plan.fc_codes)
        taken: Counter[tuple[str, Offer]] = Counter()
        for each in allotted:
            taken[each.fc_code, each.offer] += each.units
        free = {(fc.fc_code, offer): n for fc in fcs for offer, n in fc.free.items()}
        assert all(units <= free[key] for key, units in taken.items())


def test_beyond_the_bound_a_plan_is_whole_and_has_no_fc_too_many():
    fcs = [an_fc(f"FC{n:03}", 2, n, mugs=1 + n % 3) for n in range(200)]

    plan = next(plans({MUG: 40}, fcs))

    assert len(plan.fc_codes) == 14  # 3 mugs each: greedy takes those with most
    assert sum(a.units for a in plan.allotments(lines((MUG, 40)))) == 40
