"""Which worlds there are: every single kill, every pair of crash points of a flow, and triples as many as one likes.

What can be killed is what a world without deaths passes. Until somebody dies every world of a flow is the same, so a
single kill always comes true; what follows a death may never come to where the next one waits.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from tests.crashes.flows import FLOWS
from tests.crashes.ground import Ground
from tests.crashes.kills import Kill
from tests.crashes.system import MostPassed
from tests.crashes.worlds import Outcome, Plan, lived

REAL_SHARE = 0.2
"""Of the worlds: their dead are child processes, killed by SIGKILL."""


class Passed(NamedTuple):
    """What a flow passes where nobody dies."""

    points: Counter[str]
    by_function: MostPassed


def baseline(ground: Ground, flows: Iterable[str] = FLOWS) -> dict[str, Passed]:
    """Flow → what it passes. Raises AssertionError where a flow goes wrong with nobody dead."""
    return {flow: _passed(lived(ground, Plan(flow))) for flow in flows}


def _passed(outcome: Outcome) -> Passed:
    assert outcome.wrong == (), (outcome.plan.name, outcome.wrong)
    return Passed(outcome.passed, outcome.most_passed)


def singles(passed: Mapping[str, Passed]) -> Iterator[Plan]:
    """Every crash point of every flow, every time that it is passed."""
    for flow, each in passed.items():
        for point, times in sorted(each.points.items()):
            for passing in range(1, times + 1):
                yield plan(flow, Kill(point, passing))


def each_once(passed: Mapping[str, Passed]) -> list[Plan]:
    """Every crash point once, in the shortest flow that passes it: chance says at which passing."""
    chosen: dict[str, list[Plan]] = {}
    for flow in sorted(passed, key=lambda flow: passed[flow].points.total(), reverse=True):
        of_flow = {point: list[Plan]() for point in passed[flow].points}
        for single in singles({flow: passed[flow]}):
            of_flow[single.kills[0].point].append(single)
        chosen |= of_flow  # shorter flows come later
    return [random.Random(point).choice(chosen[point]) for point in sorted(chosen)]


def pairs(passed: Mapping[str, Passed]) -> Iterator[Plan]:
    """Every two crash points of a flow; and each one twice, for what is done again may die again."""
    for flow, each in passed.items():
        points = sorted(each.points)
        for one, other in combinations(points, 2):
            yield plan(flow, Kill(one, 1), Kill(other, 1))
        for point in points:
            yield plan(flow, Kill(point, 1), Kill(point, 2))


def triples(passed: Mapping[str, Passed], count: int, seed: str) -> list[Plan]:
    """Of any passings of one flow."""
    rng = random.Random(seed)
    return [_sampled(passed, 3, rng) for _ in range(count)]


def sampled_pairs(passed: Mapping[str, Passed], count: int, seed: str) -> list[Plan]:
    """Of any passings of one flow."""
    rng = random.Random(seed)
    return [_sampled(passed, 2, rng) for _ in range(count)]


def _sampled(passed: Mapping[str, Passed], kills_count: int, rng: random.Random) -> Plan:
    """Crash points first, then their passings: what is passed often is not killed more often."""
    flow = rng.choice(sorted(passed))
    points = passed[flow].points
    chosen: Sequence[str] = rng.sample(sorted(points), kills_count)
    return plan(flow, *(Kill(point, rng.randint(1, points[point])) for point in chosen))


def plan(flow: str, *kills: Kill) -> Plan:
    """The world; some of them die really."""
    is_real = random.Random(f"{flow}/{kills}").random() < REAL_SHARE
    return Plan(flow, kills, is_real)
