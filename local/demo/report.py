"""The demo's last page: what became of every order and package, three journeys in full, and every invariant."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..invariants import Outcome
from .journeys import SHOP_TIME_ZONE, Journey, late_ones, late_reasons, told

VIOLATIONS_SHOWN = 5
LATE_SHOWN = 5


@dataclass(frozen=True)
class Results:
    orders: Sequence[dict[str, Any]]
    journeys: Sequence[Journey]
    builds: Sequence[dict[str, Any]]
    closed_airport: str
    outcomes: Sequence[Outcome]
    seconds: float
    business_days: float

    @property
    def every_invariant_holds(self) -> bool:
        return all(outcome.holds for outcome in self.outcomes)


def show(console: Console, results: Results) -> None:
    _orders(console, results)
    _packages(console, results)
    _journeys(console, results)
    _builds(console, results)
    _invariants(console, results)


def _orders(console: Console, results: Results) -> None:
    table = Table(title="Orders by outcome", title_justify="left")
    table.add_column("outcome")
    table.add_column("orders", justify="right")
    for status, count in Counter(order["status"] for order in results.orders).most_common():
        table.add_row(status, str(count))
    console.print(table)
    reasons = Counter(
        order["rejection"]["error"] for order in results.orders if order["status"] == "rejected"
    )
    for reason, count in reasons.most_common():
        console.print(f"  rejected for {reason}: {count}")
    split = sum(len(order["packages"]) > 1 for order in results.orders)
    console.print(f"  split over several fulfillment centers: {split}\n")


def _packages(console: Console, results: Results) -> None:
    journeys = results.journeys
    statuses = Counter(journey.status for journey in journeys)
    hops = sum(len(journey.modes) for journey in journeys)
    modes = Counter(mode for journey in journeys for mode in journey.modes)
    delivered = [journey for journey in journeys if journey.status == "delivered"]
    held = sum(journey.held_its_promise for journey in delivered)
    console.print(
        f"{len(journeys)} packages: {', '.join(f'{n} {s}' for s, n in statuses.most_common())}"
    )
    console.print(
        f"{hops} hops: {', '.join(f'{count} by {mode}' for mode, count in modes.most_common())}"
    )
    console.print(
        f"Re-planned after {results.closed_airport} was closed: "
        f"{sum(journey.was_replanned for journey in journeys)} packages"
    )
    console.print(f"Promise dates held: {held}, missed: {len(delivered) - held}")
    for reason, count in late_reasons(journeys).most_common():
        console.print(f"  {count} × {reason}")
    for journey in late_ones(journeys)[:LATE_SHOWN]:
        facility, hours = journey.worst_departure
        console.print(
            f"    {journey.package_id}: promised {journey.promise_date:%d %b}, delivered "
            f"{journey.delivered_on:%d %b}; left {facility} {hours:.1f} h after the plan"
        )
    console.print(f"{results.business_days:.1f} days of business in {results.seconds:.0f} s\n")


def _journeys(console: Console, results: Results) -> None:
    chosen = told(results.journeys)
    for title, journey in (
        ("A journey by road", chosen.by_road),
        ("A journey with a connecting flight", chosen.by_connecting_flight),
        ("A journey to an island", chosen.to_an_island),
    ):
        if journey is None:
            console.print(f"{title}: none in this run\n")
        else:
            console.print(_journey_table(title, journey))


def _journey_table(title: str, journey: Journey) -> Table:
    table = Table(title=f"{title}: package {journey.package_id}", title_justify="left")
    for column in ("facility", "on by", "arrival planned", "actual", "departure planned", "actual"):
        table.add_column(column)
    for stop in journey.stops:
        table.add_row(
            stop["facility"],
            stop["leg"]["mode"] if stop["leg"] else "last mile",
            _time(stop["planned_arrival_at"]),
            _time(stop["actual_arrival_at"]),
            _time(stop["planned_departure_at"]),
            _time(stop["actual_departure_at"]),
        )
    delivered = journey.delivered_on
    table.caption = (
        f"promised {journey.promise_date:%a %d %b}, delivered {delivered:%a %d %b}"
        if delivered
        else f"promised {journey.promise_date:%a %d %b}"
    )
    return table


def _time(text: str | None) -> str:
    if text is None:
        return ""
    return f"{datetime.fromisoformat(text).astimezone(SHOP_TIME_ZONE):%a %d %H:%M}"


def _builds(console: Console, results: Results) -> None:
    for build in results.builds:
        console.print(
            f"Route tables, version {build['version']} ({build['reason']}): {build['tables_count']} tables, "
            f"{build['written_count']} written; the run took {build['run_seconds']:.1f} s, "
            f"with {build['packages_replanned_count'] or 0} packages re-planned"
        )
    console.print()


def _invariants(console: Console, results: Results) -> None:
    table = Table(
        title="Invariants (CONSISTENCY.md), checked over the three stores", title_justify="left"
    )
    table.add_column("n", justify="right")
    table.add_column("what must hold", ratio=3)
    table.add_column("checked", ratio=2)
    table.add_column("result")
    for outcome in results.outcomes:
        result = "[green]holds[/]" if outcome.holds else f"[red]{len(outcome.violations)} broken[/]"
        table.add_row(str(outcome.invariant), outcome.says, outcome.checked, result)
    console.print(table)
    for outcome in results.outcomes:
        for violation in outcome.violations[:VIOLATIONS_SHOWN]:
            what = escape(f"{violation.key}: {violation.detail}")
            console.print(f"  [red]{outcome.invariant}[/] {what}")
