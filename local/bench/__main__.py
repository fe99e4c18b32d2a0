"""`make bench-routing`: the router beside naive all-pairs, and what it is to reach.

Every contestant runs in a process of its own, one after the other, on the same file of a network.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from local.demo.network import indian_network, network_file
from online_kart.domain.network import Network

from .contestants import Measured
from .hop_expanded import LIBRARIES
from .networks import drawn_network

INDIA, THOUSAND, TEN_THOUSAND = "India", "1,000 FCs + 50 hubs", "10,000 FCs + 500 hubs"
NETWORKS: dict[str, Callable[[], Network]] = {
    INDIA: indian_network,
    THOUSAND: lambda: drawn_network(1_000, 50),
    TEN_THOUSAND: lambda: drawn_network(10_000, 500),
}


class Target(NamedTuple):
    """What is to be reached: a figure, and the most it may be."""

    what: str
    figure: float
    most: float
    unit: str

    @property
    def is_met(self) -> bool:
        return self.figure <= self.most


Results = dict[str, dict[str, Measured]]
"""By network, by contestant."""


def main() -> int:
    console = Console(width=120)
    console.print(machine())
    results: Results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in NETWORKS.items():
            file = Path(folder) / "network.json"
            network = make()
            file.write_text(network_file(network), "utf-8")
            legs = f"{len(network.fcs):,} FCs, {len(network.hubs)} hubs, {len(network.legs):,} legs"
            results[name] = measure(file, console, stores=name == INDIA)
            console.print(
                all_pairs(f"{name}: {legs}, hop limit {network.hop_limit}", results[name])
            )
            console.print(*agreements(results[name]), sep="\n")
    console.print(machine())
    reached = [*routing_targets(results), *stored_targets(results)]
    console.print(scoreboard(reached))
    return 0 if all(target.is_met for target in reached) else 1


def machine() -> str:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{libraries}; load averages {load}"
    )


def measure(file: Path, console: Console, *, stores: bool) -> dict[str, Measured]:
    names = ["build", "compare", "change", "query", *LIBRARIES, *(["stored"] if stores else [])]
    measured = {}
    for name in names:
        with console.status(f"{name} …"):
            measured[name] = _in_own_process(name, file)
    return measured


def _in_own_process(name: str, file: Path) -> Measured:
    command = [sys.executable, "-m", "local.bench.contestants", name, str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    measured: Measured = json.loads(done.stdout)
    return measured


# -- every pair, by us and by others


def all_pairs(title: str, measured: dict[str, Measured]) -> Table:
    table = Table("every FC to every FC", "CPU seconds", "peak MB", "", title=title)
    ours = measured["build"]
    rows = {"Online Kart, all tables": ours} | {
        f"{library}, hop-expanded": measured[library] for library in LIBRARIES
    }
    for name, each in rows.items():
        part = "" if each["parts"] == 1 else f"from {each['parts']:.1%} of the FCs, extrapolated"
        times = "" if each is ours else f"{each['seconds'] / ours['seconds']:,.0f} × ours"
        note = ", ".join(filter(None, (times, part)))
        table.add_row(name, f"{each['seconds']:,.2f}", f"{each['megabytes']:,.0f}", note)
    return table


def agreements(measured: dict[str, Measured]) -> Iterator[str]:
    """By land all must agree. Over hubs, others find the fastest path there is under the hop limit."""
    ours = measured["compare"]
    for library in LIBRARIES:
        theirs = measured[library]
        yield f"{library}: {_land(ours['by_land'], theirs['by_land'])}; " + _over_hubs(
            ours["fastest"], theirs["fastest"]
        )


ByPair = dict[str, dict[str, int]]


def _land(ours: ByPair, theirs: ByPair) -> str:
    pairs = sum(map(len, theirs.values()))
    return f"by land {'the same' if ours == theirs else 'NOT THE SAME'} minutes for {pairs:,} pairs"


def _over_hubs(ours: ByPair, theirs: ByPair) -> str:
    """Ours is never faster. How much slower is what one gateway and one home hub cost."""
    pairs = [
        (ours[source].get(fc), minutes)
        for source, to in theirs.items()
        for fc, minutes in to.items()
    ]
    both = [(our, their) for our, their in pairs if our is not None]
    faster = sum(our < their for our, their in both)
    slower = sum(our / their - 1 for our, their in both) / max(len(both), 1)
    equal = sum(our == their for our, their in both) / max(len(both), 1)
    return (
        f"over hubs ours is faster for {faster} of {len(pairs):,} pairs, as fast for {equal:.1%}, "
        f"{slower:.1%} slower on average, without a path where there is one for {len(pairs) - len(both)}"
    )


# -- targets


def routing_targets(results: Results) -> Iterator[Target]:
    small, large = (results[name]["build"] for name in (THOUSAND, TEN_THOUSAND))
    yield Target(f"all tables of {THOUSAND}", small["seconds"], 0.5, "s CPU")
    yield Target(f"all tables of {TEN_THOUSAND}", large["seconds"], 6, "s CPU")
    yield Target("… and the memory that holds them", large["megabytes"], 1_024, "MB")
    yield Target("ten times the FCs take", large["seconds"] / small["seconds"], 12, "times as long")
    changed = results[TEN_THOUSAND]["change"]
    for kind in ("deleted", "added"):
        what = f"one FC {kind} at 10,000, {changed['touched']:.0f} tables touched"
        yield Target(what, changed[kind] * 1_000, 100, "ms CPU")
    what = "one FC deleted at 10,000, all other entries read anew"
    yield Target(what, changed["anew"] * 1_000, 100, "ms CPU")
    for name, measured in results.items():
        for kind in ("cold", "warm"):
            what = f"a path of {measured['query']['legs']:.1f} legs, {name}, {kind}"
            yield Target(what, measured["query"][kind], 50, "µs")


def stored_targets(results: Results) -> Iterator[Target]:
    stored = results[INDIA]["stored"]
    what = f"{INDIA}, {stored['written']} tables made, stored and put in force"
    yield Target(what, stored["seconds"], 3, "s")


def scoreboard(targets: Iterable[Target]) -> Table:
    table = Table("target", "measured", "at most", "", title="Targets")
    for target in targets:
        table.add_row(
            target.what,
            f"{target.figure:,.2f} {target.unit}",
            f"{target.most:,g}",
            "met" if target.is_met else "NOT MET",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
