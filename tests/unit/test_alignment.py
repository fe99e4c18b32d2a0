"""Whatever the walk of two lists side by side passes over, what is in one alone is never missed."""

import random
from collections import Counter

import pytest

from online_kart.domain.network import Leg
from online_kart.routing.alignment import AHEAD_MAX, BLOCK, apart
from tests.builders import a_leg


def legs(count: int) -> list[Leg]:
    return [a_leg(f"F{number}", "D", number % 7) for number in range(count)]


def test_entries_that_are_gone_new_or_changed_are_found_and_no_others():
    old = legs(3 * BLOCK)
    changed = a_leg("F300", "D", 1_000)
    new = [*old[:10], a_leg("N", "D", 1), *old[10:100], *old[120:300], changed, *old[301:]]
    assert apart(old, new) == ([*old[100:120], old[300]], [new[10], changed])


def test_lists_that_are_equal_by_value_are_not_apart():
    old = legs(2 * BLOCK + 5)
    assert apart(old, [leg.model_copy() for leg in old]) == ([], [])


def test_a_list_that_begins_with_more_new_entries_than_are_looked_ahead_is_apart_where_it_is():
    old, fresh = legs(BLOCK), [a_leg(f"N{number}", "D", 1) for number in range(AHEAD_MAX + 1)]
    gone, came = apart(old, [*fresh, *old])
    assert Counter(came) - Counter(gone) == Counter(fresh)
    assert Counter(gone) - Counter(came) == Counter()


@pytest.mark.parametrize("seed", range(40))
def test_what_is_in_one_alone_is_never_missed(seed):
    rng = random.Random(seed)
    old = legs(rng.choice([0, 1, 5, BLOCK, 3 * BLOCK + 1]))
    new = [leg for leg in old if rng.random() > rng.choice([0.001, 0.3])]
    for number in range(rng.choice([0, 3, 200])):
        new.insert(rng.randint(0, len(new)), a_leg(f"N{number}", "D", 1))
    if rng.random() < 0.2:
        rng.shuffle(new)
    gone, came = apart(old, new)
    assert Counter(gone) - Counter(came) == Counter(old) - Counter(new)
    assert Counter(came) - Counter(gone) == Counter(new) - Counter(old)
