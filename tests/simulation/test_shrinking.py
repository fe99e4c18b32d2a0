"""A long history becomes a short one that fails alike, and can be written down and read again."""

import pytest

from tests.simulation.events import Event, drawn, parsed, written
from tests.simulation.shrinking import shrunk


def fails_with(*needed):
    """A week that breaks where these events are in it, in this order."""

    def fails(history):
        left = iter(history)
        return all(any(event[:2] == each[:2] for event in left) for each in needed)

    return fails


def test_what_does_not_matter_is_left_out():
    history = drawn(7)
    needed = [history[3], history[50], history[51], history[-1]]

    assert [event[:2] for event in shrunk(history, fails_with(*needed))] == [
        event[:2] for event in needed
    ]


def test_a_death_that_does_not_matter_is_left_out():
    history = [Event("place", 1, 4), Event("wait", 2, 3), Event("cancel", 3, 2)]

    def fails(tried):
        return Event("wait", 2, 3) in tried

    assert shrunk(history, fails) == [Event("wait", 2, 3)]


def test_a_history_that_fails_by_itself_shrinks_to_nothing():
    assert shrunk(drawn(7), lambda history: True) == []


def test_shrinking_ends_when_it_was_tried_often_enough():
    tries = []

    def fails(history):
        tries.append(history)
        return fails_with(drawn(7)[5], drawn(7)[80])(history)

    found = shrunk(drawn(7), fails, tries_max=9)

    assert len(tries) == 9
    assert fails_with(drawn(7)[5], drawn(7)[80])(found)


def test_a_history_is_written_and_read():
    assert parsed(written(drawn(7))) == drawn(7)
    assert parsed("") == []


def test_what_nobody_knows_is_not_read():
    with pytest.raises(ValueError, match="earthquake"):
        parsed("place:1,earthquake:2")
