"""How a terminal shows what the apps tell: tables, with colours where there is a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fulfillment_app.chalicelib.api.routes import RouteTablePage
from fulfillment_app.chalicelib.services.dry_runs import DryRun
from fulfillment_app.chalicelib.services.route_views import PathView
from online_kart.domain.orders import Order
from online_kart.domain.package_paths import PackagePath, Stop
from online_kart.domain.runs import Run
from online_kart.domain.stock import StockLevel

COLOURS = {
    **{"green": "green", "amber": "yellow", "red": "red"},
    **{"succeeded": "green", "running": "yellow", "failed": "red", "lost": "red"},
    **{"confirmed": "green", "finished": "green", "delivered": "green", "rejected": "red"},
}
RANGES_SHOWN = 2
"""Of a route's pincodes; the rest is counted."""

NAMES_SHOWN = 10


def order(found: Order, paths: Sequence[PackagePath]) -> RenderableType:
    """The order, and each package's journey, planned against actual."""
    return Group(_summary(found), *(journey(path) for path in paths))


def _summary(found: Order) -> Text:
    promised = f", promised for {found.promise_date}" if found.promise_date else ""
    text = Text.assemble(
        f"Order {found.order_id} to {found.to_pincode}: ",
        coloured(found.status),
        f"{promised}, {rupees(found.total_paise)} ({found.payment})\n",
    )
    for line in found.lines:
        text.append(f"  {line.quantity} × {line.item_name} ({line.sku})\n")
    if found.rejection:
        text.append(f"  {found.rejection.error}: {found.rejection.message}\n", "red")
    return text


def journey(path: PackagePath) -> Table:
    table = _table(
        f"Package {path.package_id}, {path.status}: promised {path.promise_date}, "
        f"expected {path.expected_on}, {path.health}",
        *("facility", "arrival planned", "arrival actual", "departure planned"),
        *("departure actual", "leaves by", "leg"),
    )
    for index, stop in enumerate(path.stops):
        table.add_row(
            stop.facility,
            _time(stop.planned_arrival_at, stop),
            _actual(stop.actual_arrival_at, stop.expected_arrival_at, stop),
            _time(stop.planned_departure_at, stop),
            _actual(stop.actual_departure_at, stop.expected_departure_at, stop),
            f"{stop.leg.mode} to {stop.leg.destination}" if stop.leg else "last mile",
            coloured(path.leg_health(index + 1)) if stop.leg else "",
        )
    return table


def _actual(actual: datetime | None, expected: datetime | None, stop: Stop) -> Text:
    if actual is not None:
        return Text(_time(actual, stop))
    return Text(f"({_time(expected, stop)})" if expected else "", "dim")


def _time(at: datetime | None, stop: Stop) -> str:
    """In the facility's time zone."""
    return f"{at.astimezone(ZoneInfo(stop.time_zone)):%a %d %b %H:%M}" if at else ""


def route_table(page: RouteTablePage) -> Table:
    table = _table(
        f"{page.facility}, version {page.version}, hop limit {page.hop_limit}, "
        f"home hub {page.home_hub or '-'}",
        *("kind", "destination", "next hop", "mode", "hops", "minutes", "pincodes"),
    )
    for row in page.items:
        table.add_row(
            *(row.kind, row.destination, row.next_hop, row.mode, str(row.hops), str(row.minutes)),
            _ranges(row.pin_ranges),
        )
    return table


def _ranges(ranges: Sequence[tuple[int, int]]) -> str:
    shown = [
        f"{first}-{last}" if first < last else f"{first}" for first, last in ranges[:RANGES_SHOWN]
    ]
    left = len(ranges) - len(shown)
    return ", ".join([*shown, f"{left} more"] if left else shown)


def path(found: PathView) -> Table:
    table = _table(
        f"{found.origin} to {found.to_pincode} ({found.destination}): {found.hops} hops, "
        f"{found.minutes} minutes without waiting; version {found.table_version}, "
        f"chosen: {found.why.chosen}",
        *("facility", "name", "kind", "minutes", "budget", "leaves by"),
    )
    modes = [f"{leg.mode} to {leg.destination}" for leg in found.legs]
    for stop, onward in zip(found.stops, [*modes, "last mile"], strict=True):
        table.add_row(
            *(stop.facility, stop.name, stop.kind, str(stop.minutes), str(stop.budget), onward)
        )
    return table


def runs(found: Iterable[Run]) -> Table:
    table = _table("Runs", "machine", "run", "status", "started", "ended", "error")
    for run in found:
        ended = f"{run.ended_at:%Y-%m-%d %H:%M:%S}" if run.ended_at else ""
        table.add_row(
            *(run.machine, run.name, coloured(run.status)),
            *(f"{run.started_at:%Y-%m-%d %H:%M:%S}", ended, run.error or ""),
        )
    return table


def stock(fc_code: str, found: Iterable[StockLevel]) -> Table:
    table = _table(f"Stock of {fc_code}", "sku", "seller", "on hand", "reserved", "free")
    for level in found:
        units = (level.on_hand, level.reserved, level.free)
        table.add_row(level.sku, str(level.seller_id), *map(str, units))
    return table


def dry_run(facility: str, told: DryRun) -> Table:
    """What closing it would do."""
    reach, pincodes = told.difference.reach, told.difference.pincodes
    table = Table(title=f"Closing {facility} would", show_header=False, title_justify="left")
    table.add_row("change route tables", str(told.tables_touched_count))
    table.add_row("plan packages under way anew", str(told.packages.hit.count))
    table.add_row("leave pairs of FCs without a path", str(reach.unreachable.count))
    table.add_row("leave FCs that nothing reaches", _named(reach.unreachable_fcs.first))
    table.add_row("leave pincodes without service", str(pincodes.lost_count))
    table.add_row("move promise dates of pairs", str(told.difference.promises.moved_count))
    if told.standing:
        held = [f"{what}: {count}" for what, count in told.standing.held_by.items() if count]
        table.add_row("wait for what is there", ", ".join(held) or "nothing")
        style = "red" if told.standing.is_single_point_of_failure else ""
        table.add_row("cut off", Text(told.standing.says, style))
    return table


def _named(codes: Sequence[str]) -> str:
    return ", ".join(codes[:NAMES_SHOWN]) or "none"


def coloured(word: str) -> Text:
    return Text(word, COLOURS.get(word, ""))


def rupees(paise: int) -> str:
    return f"₹{paise // 100:,}.{paise % 100:02}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        right: Any = (
            "right" if name in ("hops", "minutes", "on hand", "reserved", "free") else "left"
        )
        table.add_column(name, justify=right, overflow="fold")
    return table
