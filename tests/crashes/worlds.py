"""Worlds by name: `place/confirm_order.written@1+relay.marked@3` is the flow, and who dies when; `…/real` of SIGKILL."""

import traceback
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, Self

from local.invariants import at_rest, check_all
from local.lambdas import Handler
from tests.crashes.flows import FLOWS
from tests.crashes.ground import Ground
from tests.crashes.kills import Kill
from tests.crashes.people import unfinished_runs
from tests.crashes.processes import FUNCTIONS
from tests.crashes.system import MostPassed, World


class Plan(NamedTuple):
    """Who dies in which flow."""

    flow: str
    kills: tuple[Kill, ...] = ()
    is_real: bool = False

    @property
    def name(self) -> str:
        return f"{self.flow}/{'+'.join(map(str, self.kills))}{'/real' if self.is_real else ''}"

    @classmethod
    def parse(cls, name: str) -> Self:
        flow, kills, *real = name.split("/")
        return cls(flow, tuple(map(Kill.parse, filter(None, kills.split("+")))), bool(real))


class Outcome(NamedTuple):
    """What became of a world. `wrong` says what should not be; nothing, one hopes."""

    plan: Plan
    wrong: tuple[str, ...]
    struck: tuple[Kill, ...]
    real_kills_count: int
    passed: Counter[str]
    most_passed: Mapping[str, Counter[str]]


def lived(
    ground: Ground,
    plan: Plan,
    most_passed: MostPassed | None = None,
    functions: Mapping[str, Handler] = FUNCTIONS,
) -> Outcome:
    """The world, from its first request to its rest. Real deaths need what a world without any has passed."""
    known = (most_passed or {}) if plan.is_real else None
    world = World(ground, plan.name, plan.kills, known, functions)
    with world.running():
        wrong = _wrong(world, ground, plan)
    reaper = world.reaper
    return Outcome(
        plan,
        tuple(wrong),
        tuple(reaper.struck),
        world.real_kills_count,
        reaper.passed,
        world.most_passed,
    )


def _wrong(world: World, ground: Ground, plan: Plan) -> list[str]:
    try:
        wrong = list(FLOWS[plan.flow](world, ground.place))
    except Exception as error:
        return [_told(error)]
    if not at_rest(world.stores):
        wrong.append("it is not at rest")
    wrong += unfinished_runs(world)
    return wrong + [
        f"invariant {broken.invariant}: {broken.key}: {broken.detail}"
        for outcome in check_all(world.stores)
        for broken in outcome.violations
    ]


def _told(error: Exception) -> str:
    """What was raised, and where."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {where.name}, line {where.lineno}: {error}"
