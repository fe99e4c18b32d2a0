"""Races and flash sales by hand, as long as they take: `make races`, `make flash-sale`.

python -m tests.races flash-sale --buyers 10000 --units 1000 --processes 2 --threads 16
"""

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from local.databases import Databases
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from tests.market import Market
from tests.servers import CopyTemplate

from . import flash_sale, worlds
from .flash_sale import Sale
from .races import RACES
from .trials import Race, Tally, run_trials

NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
"""A Monday, 10:00 in India."""

FAULTS_SHOWN_MAX = 5

console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    commands = parser.add_subparsers(required=True)
    sale = commands.add_parser("flash-sale", help="many buyers, few units, all at once")
    sale.add_argument("--buyers", type=int, default=10_000)
    sale.add_argument("--units", type=int, default=1_000)
    sale.add_argument("--processes", type=int, default=2)
    sale.add_argument("--threads", type=int, default=16, help="in each process")
    sale.set_defaults(run=run_sales)
    races = commands.add_parser("races", help="what is done at the same moment, many times")
    races.add_argument("--trials", type=int, default=1_000, help="of each race")
    races.add_argument("--seed", type=int, default=1)
    races.add_argument("--only", choices=[race.__name__ for race in RACES])
    races.set_defaults(run=run_races)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped then, too
    logging.disable(logging.WARNING)  # what services warn of is what races bring about
    with worlds.own_servers() as servers:
        arguments.run(servers, arguments)


def run_races(servers: Databases, arguments: argparse.Namespace) -> None:
    """Exits with 1 if anything went wrong in any of them."""
    chosen = [race for race in RACES if arguments.only in (None, race.__name__)]
    with worlds.inventory_copies(servers.inventory_dsn) as copy, _bars() as bars:
        tallies = [_run_race(race, servers, copy, arguments, bars) for race in chosen]
    _show_tallies(tallies, arguments.seed)
    for tally in tallies:
        for fault in tally.faults[:FAULTS_SHOWN_MAX]:
            console.print(f"[red]{tally.race}: {fault}")
    if not all(tally.is_clean for tally in tallies):
        raise SystemExit(1)


def _run_race(
    race: Race,
    servers: Databases,
    copy: CopyTemplate,
    arguments: argparse.Namespace,
    bars: Progress,
) -> Tally:
    bar = bars.add_task(race.__name__.replace("_", " "), total=arguments.trials)
    return run_trials(
        race,
        arguments.trials,
        arguments.seed,
        lambda: worlds.fresh(servers.mongodb_uri, copy),
        NOW,
        lambda: bars.advance(bar),
    )


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _show_tallies(tallies: list[Tally], seed: int) -> None:
    columns = ("race", "trials", "oversold", "unhandled deadlocks", "retried deadlocks", "seconds")
    table = Table(*columns, title=f"Races, seed {seed}")
    for tally in tallies:
        table.add_row(
            tally.race,
            str(tally.trials),
            str(tally.oversold),
            str(tally.unhandled_deadlocks),
            str(tally.retried_deadlocks),
            f"{tally.seconds:.1f}",
        )
    console.print(table)


def run_sales(servers: Databases, arguments: argparse.Namespace) -> None:
    """One with commits as this machine's memory makes them, one with slow commits. Exits with 1 if a sale went wrong."""
    with worlds.inventory_copies(servers.inventory_dsn) as copy, copy() as dsn:
        fast, fast_broken = _sale(servers, dsn, arguments)
    with worlds.slow_inventory() as dsn:
        slow, slow_broken = _sale(servers, dsn, arguments)
    _show({"commits in memory": fast, "commits of 3 ms": slow})
    broken = [*fast_broken, *slow_broken]
    for each in broken:
        console.print(f"[red]{each}")
    if broken:
        raise SystemExit(1)


def _sale(servers: Databases, dsn: str, arguments: argparse.Namespace) -> tuple[Sale, list[str]]:
    with _market(servers, dsn, arguments.units) as market:
        sale = flash_sale.hold_sale(
            market,
            dsn,
            servers.mongodb_uri,
            arguments.buyers,
            processes=arguments.processes,
            threads=arguments.threads,
        )
        return sale, flash_sale.faults(market, sale)


@contextlib.contextmanager
def _market(servers: Databases, dsn: str, units: int) -> Iterator[Market]:
    documents = connection.database(servers.mongodb_uri, f"sale_{dsn.rsplit('/', 1)[-1][-8:]}")
    ensure_collections(documents)
    with psycopg.connect(dsn, autocommit=True) as conn:
        yield flash_sale.open_sale(conn, documents, units, NOW)
    documents.client.drop_database(documents.name)


def _show(sales: dict[str, Sale]) -> None:
    table = Table("", *sales, title="Flash sale")
    rows = {
        "buyers": lambda sale: sale.buyers,
        "units": lambda sale: sale.units,
        "sold": lambda sale: sale.held,
        "answers": lambda sale: ", ".join(f"{n} {a}" for a, n in sorted(sale.answers.items())),
        "seconds": lambda sale: f"{sale.seconds:.2f}",
        "decisions/s": lambda sale: f"{sale.decisions_per_second:.0f}",
        "seconds until sold out": lambda sale: f"{sale.seconds_to_sold_out:.2f}",
        "units taken/s until then": lambda sale: f"{sale.held_per_second:.0f}",
        "CPU ms/decision, clients and server": lambda sale: (
            f"{sale.cpu_milliseconds_per_decision:.2f}"
        ),
        "CPU s, clients / server": lambda sale: (
            f"{sale.client_cpu_seconds:.1f} / {sale.server_cpu_seconds:.1f}"
        ),
        "statements": lambda sale: sale.statements,
        "statements/decision": lambda sale: f"{sale.statements / sale.buyers:.1f}",
        "transactions that took units": lambda sale: sale.holding_transactions,
        "orders/statement that took units": lambda sale: f"{sale.orders_per_statement:.1f}",
        "most orders in one": lambda sale: sale.most_held_at_once,
    }
    for says, value in rows.items():
        table.add_row(says, *(str(value(sale)) for sale in sales.values()))
    console.print(table)


if __name__ == "__main__":
    main()
