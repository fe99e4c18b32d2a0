"""A week: a town, the events that are drawn from the same seed, and whether everything held."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from local.apps import LoadedApp, all_functions
from local.lambdas import Handler

from . import customers, events, planners, sellers, staff
from .events import Event
from .stores import Ground
from .town import Town, settled
from .wired import Chance
from .world import SELDOM, SWEEPS, Broken, Counts, World, a_world

SHIFT = timedelta(hours=12)
SHIFTS_MAX = 28
"""A leg may leave twice a week only, and a way has several."""

BROUGHT_HOME_EVERY = 5
"""Weeks: it takes as long as the week."""

Happening = Callable[[World, Town, random.Random], None]


class Week(NamedTuple):
    """How a week went. `rule` names what did not hold, and `broken` says what was seen."""

    seed: int
    counts: Counts
    happened: tuple[Event, ...]
    rule: str | None = None
    broken: str | None = None


@dataclass(frozen=True)
class Stage:
    """Where weeks take place, one after the other. `instead` has functions that take the place of the apps' own."""

    ground: Ground
    apps: Mapping[str, LoadedApp]
    instead: Mapping[str, Handler] = field(default_factory=dict)

    def week(self, seed: int, history: Iterable[Event] | None = None) -> Week:
        """The week of the seed; or another history in its town."""
        happened: list[Event] = []
        functions = all_functions(self.apps) | dict(self.instead)
        with a_world(self.ground, self.apps, functions, Chance()) as world:
            try:
                town = settled(world, seed)
                for event in events.drawn(seed) if history is None else history:
                    happened.append(event)
                    happen(world, town, event)
                _end(world, seed)
            except Broken as problem:
                return Week(seed, world.counts, tuple(happened), problem.rule, str(problem))
        return Week(seed, world.counts, tuple(happened))


def happen(world: World, town: Town, event: Event) -> None:
    rng = random.Random(event.draw)
    world.chance.seed(event.draw)
    world.counts.happenings += 1
    with world.mortal(event.dies_at):
        HAPPENINGS[event.kind](world, town, rng)


def _end(world: World, seed: int) -> None:
    rng = random.Random(f"end of week {seed}")
    world.chance.seed(rng.getrandbits(32))
    world.rest(rng)
    if seed % BROUGHT_HOME_EVERY == 0:
        _bring_home(world, rng)
    world.counts.told = world.cloud.published_count


def _bring_home(world: World, rng: random.Random) -> None:
    """Nothing new happens, and people do their work: then every package comes to its end.

    But for what is stranded: it lies where its batch has arrived, and no way leads on.
    """
    for _ in range(SHIFTS_MAX):
        if not staff.under_way(world):
            return
        staff.work_a_shift(world)
        world.pass_time(SHIFT, rng)
        for job in SWEEPS:  # a run may have vanished
            world.run_job(job)
    left = staff.under_way(world)
    if left:
        raise Broken("every package comes to its end", f"{left[:5]} of {len(left)}")


# What nobody does


def _wait(world: World, town: Town, rng: random.Random) -> None:
    world.pass_time(timedelta(minutes=rng.choice([30, 120, 240, 480, 900, 1440])), rng)


def _work(world: World, town: Town, rng: random.Random) -> None:
    """A few of the things that wait to be done; some of it by processes that know old route tables."""
    world.cloud.refuses_next = rng.random() < 0.1
    for _ in range(rng.randint(1, 12)):
        if rng.random() < 0.1:
            with world.stale():
                world.step_one(rng)
        else:
            world.step_one(rng)


def _sweep(world: World, town: Town, rng: random.Random) -> None:
    """Jobs at their time, or long before."""
    jobs = SWEEPS if rng.random() < 0.8 else SELDOM
    for job in rng.sample(jobs, rng.randint(1, len(jobs))):
        world.run_job(job)


def _redeliver(world: World, town: Town, rng: random.Random) -> None:
    world.cloud.redeliver(rng, rng.randint(1, 5))


def _vanish(world: World, town: Town, rng: random.Random) -> None:
    running = list(world.cloud.running())
    if running:
        world.cloud.vanish(rng.choice(running))


def _jump(world: World, town: Town, rng: random.Random) -> None:
    """A side's clock is wrong, until the next rest or jump."""
    clock = rng.choice([world.time.inventory, world.time.customer])
    clock.wrong_by = timedelta(seconds=rng.randint(-300, 300))


HAPPENINGS: dict[str, Happening] = {
    "wait": _wait,
    "work": _work,
    "sweep": _sweep,
    "redeliver": _redeliver,
    "vanish": _vanish,
    "jump": _jump,
    "place": customers.place,
    "ask_again": customers.ask_again,
    "cancel": customers.cancel,
    "scan": staff.scan,
    "attempt": staff.attempt,
    "receive": staff.receive,
    "adjust": staff.adjust,
    "move_batch": staff.move_batch,
    "send_units": staff.send_units,
    "reconcile": staff.reconcile,
    "announce": sellers.announce,
    "amend": sellers.amend,
    "price": sellers.price,
    "suspend": sellers.suspend,
    "close": planners.close,
    "open": planners.open_,
    "add_fc": planners.add_fc,
    "add_hub": planners.add_hub,
    "delete_facility": planners.delete_facility,
    "move_pincodes": planners.move_pincodes,
    "remove_pincodes": planners.remove_pincodes,
    "add_leg": planners.add_leg,
    "change_leg": planners.change_leg,
    "delete_leg": planners.delete_leg,
    "holiday": planners.holiday,
    "rebuild": planners.rebuild,
}
