"""Runs weeks from the command line: `python -m tests.simulation --weeks 1000`, until Ctrl-C without a number.

`--seed N` runs one week; with `--events …` another history in its town, as a failure has printed it.
"""

import argparse
import os
import signal
import sys

from rich.console import Console

from local.databases import Databases
from tests.servers import shared_servers

from . import weeks
from .events import parsed


def main(arguments: list[str]) -> int:
    """0 where everything held."""
    options = _options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has started us aside
        signal.signal(number, signal.default_int_handler)
    with shared_servers() as addresses:
        if options.seed is not None:
            return _one(addresses, options.seed, options.events)
        return 1 if weeks.run(addresses, options.first, options.weeks, options.jobs) else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--weeks", type=int, help="how many; until Ctrl-C without it")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="weeks at a time")
    parser.add_argument("--seed", type=int, help="this week only")
    parser.add_argument("--events", help="instead of those that the seed draws")
    return parser.parse_args(arguments)


def _one(addresses: Databases, seed: int, events: str | None) -> int:
    try:
        week = weeks.stage(addresses).week(seed, None if events is None else parsed(events))
    finally:
        weeks.close()
    Console().print(week.broken or f"Week {seed} is whole: {week.counts}", highlight=False)
    return 1 if week.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
