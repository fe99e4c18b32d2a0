"""The network drawn on a map, with a path on it: one HTML file that asks nothing of the internet.

plotly draws it, which is not in the layer: it is imported here only, when a map is drawn. There is no ground under the
network, no coast and no border: the facilities show the country's shape themselves, over a grid of degrees.

All roads are one line with gaps, and so are all flights: thousands of lines of their own would be slow to move.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import accumulate, islice
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

from online_kart.domain.network import Facility, FacilityKind, Mode, Network
from online_kart.domain.routes import PlannedPath, merged

from .tables import Router

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

RANGES_SHOWN_MAX = 3
MARGIN = 0.06
"""Of the network's height and width, around it."""
FAINT = 0.5
"""Everything else, where a path is what one wants to see."""
FLAT_DEGREES_MIN = 1.0
"""A network in one place is not enlarged without end."""


class Look(NamedTuple):
    """Of a kind of mark or line. Colours are Okabe and Ito's, which colour-blind people tell apart."""

    name: str
    color: str
    shape: str
    size: float


MARKS = {
    FacilityKind.FC: Look("Fulfillment centers", "#E69F00", "circle", 7),
    FacilityKind.AIRPORT: Look("Airports", "#0072B2", "triangle-up", 11),
    FacilityKind.SEAPORT: Look("Seaports", "#007a58", "square", 10),
}
LINES = {
    Mode.ROAD: Look("Roads", "#a59c8c", "solid", 0.8),
    Mode.AIR: Look("Flights", "#56B4E9", "solid", 0.9),
    Mode.SEA: Look("Sailings", "#009E73", "dash", 1.6),
}
PATH = Look("The path", "#D55E00", "solid", 4)
WORDS = {FacilityKind.FC: "FC", FacilityKind.AIRPORT: "airport", FacilityKind.SEAPORT: "seaport"}


def page(router: Router, path: PlannedPath | None = None) -> str:
    """The whole file. Raises ModuleNotFoundError where plotly is not installed."""
    network = router.network
    figure = _figure(router, path)
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="map",
        default_height="100%",
        config={
            "scrollZoom": True,
            "displaylogo": False,
            "responsive": True,
            "modeBarButtons": [["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
        },
    )
    template = files(__package__).joinpath("map.html").read_text("utf-8")
    return Template(template).substitute(
        title=escape(_title(network, path)),
        facts=escape(_facts(network)),
        map=drawn,
        path=_path_section(network, path) if path else "",
        options="".join(_options(network)),
        attribution=escape(network.attribution),
    )


def _title(network: Network, path: PlannedPath | None) -> str:
    if path is None:
        return "The network"
    ends = (network.by_code[code] for code in (path.origin, path.destination))
    return " to ".join(f"{end.name or end.code} ({end.code})" for end in ends)


def _facts(network: Network) -> str:
    kinds = [facility.kind for facility in network.facilities]
    counts = [f"{kinds.count(kind):,} {look.name.lower()}" for kind, look in MARKS.items()]
    return f"{', '.join(counts)}, {len(network.legs):,} legs, hop limit {network.hop_limit}"


# The map


def _figure(router: Router, path: PlannedPath | None) -> "Figure":
    from plotly import graph_objects

    network = router.network
    figure = graph_objects.Figure()
    figure.add_traces([_lines(network, mode, FAINT if path else 1) for mode in LINES])
    figure.add_traces([_marks(router, kind) for kind in MARKS])
    if path:
        figure.add_traces(list(_path_lines(network, path)))
    figure.update_layout(
        template="plotly_white",
        margin={"l": 48, "r": 8, "t": 56, "b": 32},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemsizing": "constant"},
        dragmode="pan",
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"color": "#222222"}},
        font={"family": "system-ui, sans-serif", "size": 13},
        **_axes(network),
    )
    return figure


def _axes(network: Network) -> dict[str, Any]:
    """Degrees, a degree east as much shorter than one north as it is in the middle of the network."""
    east = _range([facility.longitude for facility in network.facilities])
    north = _range([facility.latitude for facility in network.facilities])
    look = {"gridcolor": "#e7e9ec", "zeroline": False, "ticksuffix": "°", "constrain": "range"}
    ratio = 1 / max(math.cos(math.radians(sum(north) / 2)), 0.1)
    return {
        "xaxis": {**look, "range": east, "title": None, "hoverformat": ".2f"},
        "yaxis": {**look, "range": north, "scaleanchor": "x", "scaleratio": ratio},
    }


def _range(values: Sequence[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    around = max((high - low) * MARGIN, FLAT_DEGREES_MIN)
    return [low - around, high + around]


def _lines(network: Network, mode: Mode, opacity: float) -> "Scatter":
    """All legs of the mode; of two that lead to and fro, one line."""
    from plotly.graph_objects import Scatter

    look = LINES[mode]
    pairs = {
        tuple(sorted((leg.origin, leg.destination))) for leg in network.legs if leg.mode is mode
    }
    east, north = _with_gaps(network, sorted(pairs))
    return Scatter(
        x=east,
        y=north,
        mode="lines",
        name=f"{look.name} ({len(pairs):,})",
        line={"color": look.color, "width": look.size, "dash": look.shape},
        opacity=opacity,
        hoverinfo="skip",
    )


def _with_gaps(
    network: Network, ways: Iterable[Sequence[str]]
) -> tuple[list[float | None], list[float | None]]:
    east: list[float | None] = []
    north: list[float | None] = []
    for way in ways:
        stops = [network.by_code[code] for code in way]
        east += [*(stop.longitude for stop in stops), None]
        north += [*(stop.latitude for stop in stops), None]
    return east, north


def _marks(router: Router, kind: FacilityKind) -> "Scatter":
    from plotly.graph_objects import Scatter

    look = MARKS[kind]
    facilities = [each for each in router.network.facilities if each.kind is kind]
    return Scatter(
        x=[facility.longitude for facility in facilities],
        y=[facility.latitude for facility in facilities],
        mode="markers",
        name=f"{look.name} ({len(facilities):,})",
        marker={
            "color": look.color,
            "size": look.size,
            "symbol": look.shape,
            "line": {"color": "white", "width": 1},
        },
        customdata=[facility.code for facility in facilities],
        hovertext=[_hover(router, facility) for facility in facilities],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _hover(router: Router, facility: Facility) -> str:
    lines = [
        f"<b>{escape(facility.name or facility.code)}</b> · {escape(facility.code)}",
        ", ".join(filter(None, [WORDS[facility.kind], escape(facility.state)])),
        f"handling {facility.handling_minutes} min",
    ]
    if not facility.is_hub:
        home = router.table(facility.code).home_hub
        lines.append(f"home hub {escape(home)}" if home else "no hub within the hop limit")
        lines.append(_served(facility))
    return "<br>".join(lines)


def _served(fc: Facility) -> str:
    ranges = merged(fc.pincode_ranges)
    count = sum(last - first + 1 for first, last in ranges)
    shown = [
        str(first) if first == last else f"{first}–{last}"
        for first, last in islice(ranges, RANGES_SHOWN_MAX)
    ]
    more = ["…"] if len(ranges) > RANGES_SHOWN_MAX else []
    return f"{count:,} pincodes: {', '.join(shown + more)}" if count else "serves no pincode"


def _path_lines(network: Network, path: PlannedPath) -> Iterator["Scatter"]:
    """The way, and on it each stop with its number in the table."""
    from plotly.graph_objects import Scatter

    stops = [network.by_code[code] for code in path.facilities]
    east, north = [stop.longitude for stop in stops], [stop.latitude for stop in stops]
    together: dict[str, Any] = {"legendgroup": "path", "name": PATH.name, "x": east, "y": north}
    yield Scatter(
        **together,
        mode="lines",
        line={"color": PATH.color, "width": PATH.size},
        hoverinfo="skip",
    )
    yield Scatter(
        **together,
        mode="markers+text",
        showlegend=False,
        marker={"color": PATH.color, "size": 19, "line": {"color": "white", "width": 1.5}},
        text=[str(number) for number in range(1, len(stops) + 1)],
        textfont={"color": "white", "size": 12, "weight": "bold"},
        hovertext=[f"<b>{escape(stop.name)}</b> · {escape(stop.code)}" for stop in stops],
        hovertemplate="%{text}: %{hovertext}<extra></extra>",
    )


# Beside it


def _options(network: Network) -> Iterator[str]:
    """What the search knows."""
    for facility in sorted(network.facilities, key=lambda each: each.code):
        yield f'<option value="{escape(facility.code)}">{escape(facility.name)}</option>\n'


def _path_section(network: Network, path: PlannedPath) -> str:
    rows = "".join(_rows(network, path))
    legs = "1 leg" if path.hops == 1 else f"{path.hops} legs"
    return f"""
<section aria-labelledby="path-title">
<h2 id="path-title">The path: {legs}, {_duration(path.minutes)}</h2>
<table>
<thead><tr><th scope="col">Stop</th><th scope="col">Where</th><th scope="col">By</th>
<th scope="col">Takes</th><th scope="col">At</th><th scope="col">Budget</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
<p class="note">“Takes” is the handling at the stop before and the transit; “At” is from the start to the door. The budget
is how many legs are left before a hub; a hub fills it up.</p>
</section>"""


def _rows(network: Network, path: PlannedPath) -> Iterator[str]:
    """A stop each, with the leg that leads to it."""
    at = accumulate((leg.minutes for leg in path.legs), initial=0)
    legs = [None, *path.legs]
    stops = zip(path.facilities, legs, at, path.budgets, strict=True)
    for number, (code, leg, minutes, budget) in enumerate(stops, start=1):
        facility = network.by_code[code]
        mode, takes = (leg.mode.value, _duration(leg.minutes)) if leg else ("", "")
        yield (
            f'<tr class="{mode}"><th scope="row"><span class="stop">{number}</span></th>'
            f"<td><b>{escape(code)}</b> {escape(facility.name)}"
            f'<small>{WORDS[facility.kind]}</small></td><td class="mode">{mode}</td>'
            f"<td>{takes}</td><td>{_duration(minutes) if leg else ''}</td>"
            f"<td>{budget}{' (full)' if facility.is_hub else ''}</td></tr>\n"
        )


def _duration(minutes: int) -> str:
    """1 d 3 h 20 min"""
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{left} min"]
    return " ".join(filter(None, parts))
