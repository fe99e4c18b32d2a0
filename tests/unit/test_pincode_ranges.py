"""Arithmetic of pincode ranges, against sets of pincodes."""

from itertools import pairwise

from hypothesis import given, strategies as st

from online_kart.domain.pincodes import united, without

ends = st.integers(100_000, 100_040)
ranges = st.lists(st.tuples(ends, ends).map(sorted).map(tuple), max_size=6)


def pincodes(of):
    return {pincode for first, last in of for pincode in range(first, last + 1)}


def is_canonical(of):
    return all(last + 1 < after for (_, last), (after, _) in pairwise(of))


@given(ranges, ranges)
def test_united_ranges_hold_what_either_holds(some, others):
    both = united(some, others)
    assert pincodes(both) == pincodes(some) | pincodes(others)
    assert is_canonical(both)


@given(ranges, ranges)
def test_what_is_gone_is_in_no_range_and_the_rest_is(had, gone):
    left = without(had, gone)
    assert pincodes(left) == pincodes(had) - pincodes(gone)
    assert is_canonical(left)
