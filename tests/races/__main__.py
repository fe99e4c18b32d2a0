"""Races and flash sales by hand, as long as they take: `make races`, `make flash-sale`.

    python -m tests.races flash-sale --buyers 10000 --units 1000 --processes 2 --threads 16
"""

import argparse
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from rich.console import Console
from rich.table import Table

from local import databases
from local.databases import Databases
from online_kart.documents import connection
from online_kart.documents.indexes import ensure_collections
from tests.market import Market

from . import flash_sale, worlds
from .flash_sale import Sale

NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
"""A Monday, 10:00 in India."""

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
    arguments = parser.parse_args()
    with worlds.own_servers() as servers:
        arguments.run(servers, arguments)


def run_sales(servers: Databases, arguments: argparse.Namespace) -> None:
    """One with commits as this machine's memory makes them, one with slow commits. Exits with 1 if a sale went wrong."""
    with worlds.inventory_copies(servers.inventory_dsn) as copy, copy() as dsn:
        fast, fast_broken = _sale(servers, dsn, arguments)
    folder = databases.test_state("races")
    with worlds.slow_inventory(folder) as dsn:
        slow, slow_broken = _sale(servers, dsn, arguments)
    _show({"commits in memory": fast, "commits of 3 ms": slow})
    broken = [*fast_broken, *slow_broken]
    for each in broken:
        console.print(f"[red]{each}")
    if broken:
        raise SystemExit(1)


def _sale(
    servers: Databases, dsn: str, arguments: argparse.Namespace
) -> tuple[Sale, list[str]]:
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
