"""The harness catches what is broken on purpose: a dual write without outbox, and a consumer without inbox."""

import pytest

from tests.crashes import plans
from tests.crashes.kills import Kill
from tests.crashes.plans import baseline
from tests.crashes.variants import (
    DUAL_WRITE,
    depart_batch_without_outbox,
    track_packages_without_inbox,
    with_broken,
)
from tests.crashes.worlds import Plan, lived

WORLDS_MAX = 40
"""In so many worlds chance delivers a message again when it is old news."""


@pytest.mark.parametrize("flow", ["batch", "return"])
def test_a_dual_write_goes_well_until_somebody_dies_between_the_two(ground, flow):
    functions = with_broken(depart_batch=depart_batch_without_outbox)

    assert lived(ground, Plan(flow), functions=functions).wrong == ()
    outcome = lived(ground, Plan(flow, (Kill(DUAL_WRITE, 1),)), functions=functions)

    assert outcome.struck == (Kill(DUAL_WRITE, 1),)
    assert any("never heard event" in wrong for wrong in outcome.wrong), outcome.wrong


def test_a_consumer_without_inbox_shows_old_news_after_a_redelivery(ground):
    functions = with_broken(track_packages=track_packages_without_inbox)
    worlds = [
        each._replace(is_real=False)
        for each in plans.sampled_pairs(baseline(ground, ["return"]), WORLDS_MAX, "no inbox")
    ]

    outcomes = (lived(ground, each, functions=functions) for each in worlds)
    caught = next((outcome for outcome in outcomes if outcome.wrong), None)

    assert caught is not None, f"None of {WORLDS_MAX} worlds shows it."
    assert lived(ground, caught.plan).wrong == (), "The real one has to come through the same."
