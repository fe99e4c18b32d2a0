"""Many weeks at a time, each in a process that has databases of its own, with a bar that shows how far they are."""

import itertools
import logging
import multiprocessing
import signal
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import fields

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from local.apps import load_apps
from local.databases import Databases

from .failures import explained
from .stores import opened
from .week import Stage, Week
from .world import Counts

NAMES = {
    "happenings": "happenings",
    "steps": "steps",
    "orders": "orders",
    "kills": "kills",
    "told": "events told",
    "looks": "looks at invariants",
}

TOLD_EVERY = 25
"""Weeks, where there is no terminal that shows a bar."""

_opened = ExitStack()
_stages: list[Stage] = []
"""This process's own."""


def stage(addresses: Databases) -> Stage:
    """Where this process's weeks take place."""
    if not _stages:
        logging.disable(logging.CRITICAL)  # whoever dies on purpose would fill the screen
        ground = _opened.enter_context(opened(addresses))
        _stages.append(Stage(ground, load_apps()))
    return _stages[0]


def close() -> None:
    _stages.clear()
    _opened.close()


def run(addresses: Databases, first: int, count: int | None, jobs: int) -> int:
    """How many weeks broke something. Without a count: until Ctrl-C."""
    console, began_at = Console(), time.monotonic()
    totals = Totals()
    seeds: Iterator[int] = itertools.count(first)
    seeds = itertools.islice(seeds, count) if count else seeds
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _open_quietly, (addresses,)) as pool:
        try:
            with _bar(console) as bar:
                task = bar.add_task("weeks", total=count, violations=0)
                for week, told in _weeks(pool, seeds, 2 * jobs):
                    totals.add(week)
                    bar.update(task, advance=1, violations=totals.violations)
                    if not console.is_terminal and len(totals.seeds) % TOLD_EVERY == 0:
                        console.print(f"{len(totals.seeds)} weeks, {totals.violations} violations")
                    if told:
                        console.print(told, style="red", soft_wrap=True, highlight=False)
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
    console.print(totals.table(time.monotonic() - began_at))
    return totals.violations


def _open_quietly(addresses: Databases) -> None:
    """Ctrl-C is for the one who waits for us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stage(addresses)


def _weeks(
    pool: ProcessPoolExecutor, seeds: Iterator[int], at_once: int
) -> Iterator[tuple[Week, str | None]]:
    """In the order in which they end."""
    running: set[Future[tuple[Week, str | None]]] = {
        pool.submit(_week, seed) for seed in itertools.islice(seeds, at_once)
    }
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(_week, seed) for seed in itertools.islice(seeds, len(done))}
        for future in done:
            yield future.result()


def _week(seed: int) -> tuple[Week, str | None]:
    """The week, and what there is to tell of it where something broke."""
    week = _stages[0].week(seed)
    return week, explained(_stages[0], week)[1] if week.broken else None


class Totals:
    """What happened in all weeks so far."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.seeds: list[int] = []
        self.violations = 0

    def add(self, week: Week) -> None:
        self.seeds.append(week.seed)
        self.violations += week.broken is not None
        for field in fields(Counts):
            total = getattr(self.counts, field.name) + getattr(week.counts, field.name)
            setattr(self.counts, field.name, total)

    def table(self, seconds: float) -> Table:
        seeds = f"{min(self.seeds)} to {max(self.seeds)}" if self.seeds else "none"
        table = Table("what", "how many", show_header=False)
        table.add_row("weeks", f"{len(self.seeds):,}")
        table.add_row("seeds", seeds)
        for field in fields(Counts):
            table.add_row(NAMES[field.name], f"{getattr(self.counts, field.name):,}")
        table.add_row("violations", f"{self.violations:,}")
        table.add_row("seconds", f"{seconds:,.0f}")
        return table


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[violations]} violations"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
