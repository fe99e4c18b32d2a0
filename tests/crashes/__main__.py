"""Every crash world: `make crash`. Exit 1 where one came out wrong, with its name.

python -m tests.crashes                  every single kill, every pair, 2,000 triples
python -m tests.crashes --journal FILE   but for those that FILE names; each that came out right is added to it
python -m tests.crashes --world NAME     one of them again, and what it came to
"""

import argparse
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from local.databases import Databases
from tests.crashes import plans
from tests.crashes.plans import Passed
from tests.crashes.workers import begin, live, opened
from tests.crashes.worlds import Outcome, Plan, lived
from tests.servers import shared_servers

KINDS = ("singles", "pairs", "triples")
TRIPLES = 2_000
SEED = "2026"
PROCESSES = 2
AHEAD = 200
"""Worlds that are handed out before others have come back."""

FAILURES_SHOWN_MAX = 20

Kinds = Mapping[str, Sequence[Plan]]


class Journal:
    """The names of worlds that came out right, a line each, so that a run of hours may be interrupted."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        names = path.read_text().splitlines() if path and path.exists() else ()
        self._names = frozenset(names)

    def left_of(self, worlds: Sequence[Plan]) -> Sequence[Plan]:
        return [plan for plan in worlds if plan.name not in self._names]

    def add(self, outcome: Outcome) -> None:
        if self._path and not outcome.wrong:
            with self._path.open("a") as file:
                file.write(f"{outcome.plan.name}\n")


@dataclass
class Tally:
    """What the worlds of one kind came to."""

    worlds: int = 0
    kills: int = 0
    real_kills: int = 0
    never_reached: int = 0
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.worlds += 1
        self.kills += len(outcome.struck)
        self.real_kills += outcome.real_kills_count
        self.never_reached += len(outcome.plan.kills) - len(outcome.struck)
        if outcome.wrong:
            self.failed.append(outcome)


def all_worlds(passed: Mapping[str, Passed], share: float, seed: str) -> Kinds:
    """By kind. With a share below 1, that much of the singles and pairs, drawn by the seed."""
    rng = random.Random(seed)
    kinds = {"singles": list(plans.singles(passed)), "pairs": list(plans.pairs(passed))}
    if share < 1:
        kinds = {kind: rng.sample(all_, round(share * len(all_))) for kind, all_ in kinds.items()}
    return {**kinds, "triples": plans.triples(passed, round(share * TRIPLES), seed)}


def run(
    servers: Databases, kinds: Kinds, processes: int, journal: Journal, console: Console
) -> dict[str, Tally]:
    tallies = {kind: Tally() for kind in kinds}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
        ProcessPoolExecutor(processes, get_context("spawn"), begin, (servers,)) as pool,
    ):
        for kind, worlds in kinds.items():
            task = progress.add_task(kind, total=len(worlds))
            for outcome in _lived_in(pool, worlds):
                tallies[kind].add(outcome)
                journal.add(outcome)
                progress.advance(task)
                if outcome.wrong:
                    progress.console.print(f"[red]{outcome.plan.name}[/]: {outcome.wrong[0]}")
    return tallies


def _lived_in(pool: ProcessPoolExecutor, worlds: Sequence[Plan]) -> Iterator[Outcome]:
    """In the order in which they end."""
    for start in range(0, len(worlds), AHEAD):
        futures: list[Future[Outcome]] = [
            pool.submit(live, plan) for plan in worlds[start : start + AHEAD]
        ]
        for future in as_completed(futures):
            yield future.result()


def table_of(tallies: Mapping[str, Tally], seconds: float, seed: str) -> Table:
    columns = ("", "worlds", "kills", "by SIGKILL", "never reached", "failed")
    table = Table(*columns, caption=f"{seconds:.0f} s, seed {seed}")
    for kind, tally in tallies.items():
        figures = (
            tally.worlds,
            tally.kills,
            tally.real_kills,
            tally.never_reached,
            len(tally.failed),
        )
        table.add_row(kind, *(f"{figure:,}" for figure in figures))
    return table


def show_failures(failed: Iterable[Outcome], console: Console) -> None:
    for outcome in list(failed)[:FAILURES_SHOWN_MAX]:
        console.print(f"[red]{outcome.plan.name}[/]")
        for wrong in outcome.wrong:
            console.print(f"  {wrong}")
    console.print("Again, one by one: .venv/bin/python -m tests.crashes --world NAME")


def again(servers: Databases, name: str, console: Console) -> int:
    """One world by its name."""
    plan = Plan.parse(name)
    with opened(servers) as ground:
        most_passed = plans.baseline(ground, [plan.flow])[plan.flow].by_function
        outcome = lived(ground, plan, most_passed)
    struck = ", ".join(map(str, outcome.struck)) or "nobody"
    console.print(f"{name}: killed {struck}, {outcome.real_kills_count} of them by SIGKILL")
    for wrong in outcome.wrong or ("everything holds",):
        console.print(f"  {wrong}")
    return 1 if outcome.wrong else 0


def everything(servers: Databases, given: argparse.Namespace, console: Console) -> int:
    began_at = time.monotonic()
    with opened(servers) as ground:
        passed = plans.baseline(ground)
    points = {point for each in passed.values() for point in each.points}
    passings = Counter({flow: each.points.total() for flow, each in passed.items()})
    console.print(f"{len(points)} crash points, passed {passings.total():,} times in six flows")
    journal = Journal(given.journal)
    kinds = {
        kind: journal.left_of(worlds)
        for kind, worlds in all_worlds(passed, given.share, given.seed).items()
        if kind in given.kinds
    }
    tallies = run(servers, kinds, given.processes, journal, console)
    console.print(table_of(tallies, time.monotonic() - began_at, given.seed))
    failed = [outcome for tally in tallies.values() for outcome in tally.failed]
    if failed:
        show_failures(failed, console)
    return 1 if failed else 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--world", help="one world, by the name that a failure has printed")
    parser.add_argument("--share", type=float, default=1.0, help="of the worlds; 1: all")
    parser.add_argument("--journal", type=Path, help="skip what this file names, and add to it")
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=KINDS, help="all, if not given"
    )
    parser.add_argument("--seed", default=SEED, help="of the triples, and of a share")
    parser.add_argument("--processes", type=int, default=min(PROCESSES, os.cpu_count() or 1))
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    console = Console()
    with shared_servers() as servers:
        if given.world:
            return again(servers, given.world, console)
        return everything(servers, given, console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
