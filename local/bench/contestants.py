"""What is measured, each in a process of its own: `python -m local.bench.contestants NAME FILE`.

A contestant reads the network, which doesn't count, does its work, and prints what it took as JSON:
CPU seconds of its own process, and the most memory it ever held.
"""

import gc
import json
import random
import resource
import statistics
import sys
from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter_ns, process_time
from typing import Any, TypeVar

from local.stored_builds import stored_builds
from online_kart.domain.network import Leg, Network, parse_network
from online_kart.domain.routes import RouteTable
from online_kart.routing.forwarding import Forwarding, path_to
from online_kart.routing.tables import Router

from .hop_expanded import LIBRARIES, hop_expanded, nodes_of, to_fcs

COMPARED_SOURCES = 20
"""FCs from which all contestants' minutes to all other FCs are compared."""
NAIVE_SECONDS = 10.0
"""A naive search that takes longer does a part of the FCs; the whole is extrapolated from it."""
BUILDS = 8
CHANGES = 8
TIMES = 3
QUERIES = 5_000
SEED = 7

Result = TypeVar("Result")
Measured = dict[str, Any]


def build(network: Network) -> Measured:
    """All tables, made and held. The best of several builds: other work runs on the machine, too."""
    seconds, tables = _best_of(BUILDS, lambda: Router(network).all_tables())
    return {"seconds": seconds, "megabytes": _megabytes(), "tables": len(tables), "parts": 1.0}


def compare(network: Network) -> Measured:
    """Minutes of our tables from the FCs that are compared. Not measured."""
    router = Router(network)
    table_of = {table.facility: table for table in router.tables()}.__getitem__
    forwarding_to = {fc.code: Forwarding(table_of, fc.code) for fc in network.fcs}
    by_land, promised = {}, {}
    for source in _sources(network, COMPARED_SOURCES):
        table = table_of(source)
        by_land[source] = {route.destination: route.ways[-1].minutes for route in table.routes}
        choices = {
            fc: forwarding.choice(source, network.hop_limit)
            for fc, forwarding in forwarding_to.items()
            if fc != source
        }
        promised[source] = {fc: choice.minutes for fc, choice in choices.items() if choice}
    return {"by_land": by_land, "fastest": promised}


def naive(library: str) -> Callable[[Network], Measured]:
    """Every FC to every FC by a search for each, as many as there is time for."""

    def measure(network: Network) -> Measured:
        started = process_time()
        search = LIBRARIES[library](hop_expanded(network, by_land=False), nodes_of(network))
        built = process_time()
        fastest, sources = {}, _sources(network, len(network.fcs))
        for done, source in enumerate(sources, start=1):
            minutes = to_fcs(search(source), network, source)
            if done <= COMPARED_SOURCES:
                fastest[source] = minutes
            elif process_time() - built > NAIVE_SECONDS:
                break
        searched = process_time() - built
        part = done / len(sources)
        return {
            "seconds": built - started + searched / part,
            "megabytes": _megabytes(),
            "parts": part,
            "fastest": fastest,
            "by_land": _by_land(library, network),
        }

    return measure


def _by_land(library: str, network: Network) -> dict[str, dict[str, int]]:
    search = LIBRARIES[library](hop_expanded(network, by_land=True), nodes_of(network))
    return {
        source: to_fcs(search(source), network, source)
        for source in _sources(network, COMPARED_SOURCES)
    }


def change(network: Network) -> Measured:
    """One FC is deleted, and added again: the next router, and every table that is touched.

    `anew` is a deletion whose network was read anew, so that no facility or leg of it is known.
    """
    router = Router(network)
    _keep_hub_tables(router)
    taken: dict[str, list[float]] = {"deleted": [], "added": [], "anew": []}
    touched = []
    for fc in _sources(network, CHANGES):
        without = _without(network, fc)
        again = Network(facilities=network.facilities, legs=network.legs)
        anew = parse_network(without.model_dump_json())
        gc.collect()
        seconds, (smaller, tables) = _best_of(TIMES, partial(_changed, router, without))
        taken["deleted"].append(seconds)
        touched.append(tables)
        taken["added"].append(_best_of(TIMES, partial(_changed, smaller, again))[0])
        taken["anew"].append(_best_of(TIMES, partial(_changed, router, anew))[0])
    medians = {kind: statistics.median(seconds) for kind, seconds in taken.items()}
    return medians | {"touched": statistics.median(touched)}


def _keep_hub_tables(router: Router) -> None:
    for _ in router.tables(hub.code for hub in router.network.hubs):
        pass


def _changed(router: Router, network: Network) -> tuple[Router, int]:
    change = router.changed_to(network)
    return change.router, sum(1 for _ in change.router.tables(change.touched))


def _without(network: Network, code: str) -> Network:
    def is_left(leg: Leg) -> bool:
        return code not in (leg.origin, leg.destination)

    return Network(
        facilities=tuple(each for each in network.facilities if each.code != code),
        legs=tuple(filter(is_left, network.legs)),
    )


def query(network: Network) -> Measured:
    """The path of a random pair from tables in memory, with nothing remembered of the destination
    (`cold`), and where it was asked for before (`warm`). Microseconds of wall time, the median."""
    tables = {table.facility: table for table in Router(network).tables()}
    codes = [fc.code for fc in network.fcs]
    rng = random.Random(SEED)
    pairs = [tuple(rng.sample(codes, 2)) for _ in range(QUERIES)]
    for origin, to in pairs:
        path_to(tables.__getitem__, origin, to)
    cold = [_microseconds(path_to, tables.__getitem__, origin, to) for origin, to in pairs]
    known = {to: Forwarding(tables.__getitem__, to) for _, to in pairs}
    for origin, to in pairs:
        known[to].path(origin)
    warm = [_microseconds(known[to].path, origin) for origin, to in pairs]
    return {
        "cold": statistics.median(cold),
        "warm": statistics.median(warm),
        "legs": statistics.mean(_legs(tables, pairs)),
    }


def stored(network: Network) -> Measured:
    """All tables made, stored and put in force, on stores of their own. Wall time: most of it is the stores'."""
    full, _ = stored_builds(network)
    return {"seconds": full.seconds, "written": full.build.written_count}


def _legs(tables: dict[str, RouteTable], pairs: Iterable[tuple[str, ...]]) -> Iterable[int]:
    paths = (path_to(tables.__getitem__, origin, to) for origin, to in pairs)
    return [path.hops for path in paths if path]


def _sources(network: Network, count: int) -> list[str]:
    """The same FCs for every contestant, in an order drawn at random."""
    codes = [fc.code for fc in network.fcs]
    return random.Random(SEED).sample(codes, min(count, len(codes)))


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = process_time()
    result = work()
    return process_time() - started, result


def _best_of(times: int, work: Callable[[], Result]) -> tuple[float, Result]:
    best, result = _timed(work)
    for _ in range(times - 1):
        del result
        seconds, result = _timed(work)
        best = min(best, seconds)
    return best, result


def _microseconds(work: Callable[..., object], *arguments: object) -> float:
    """The best of some times, like all that is measured here: other work runs on the machine, too."""
    best = inf
    for _ in range(TIMES):
        started = perf_counter_ns()
        work(*arguments)
        best = min(best, perf_counter_ns() - started)
    return best / 1_000


def _megabytes() -> float:
    """The most this process ever held; the interpreter and the network it read are in it.

    On Linux `ru_maxrss` begins with what the process that started this one held, so we ask elsewhere.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


CONTESTANTS: dict[str, Callable[[Network], Measured]] = {
    "build": build,
    "compare": compare,
    "change": change,
    "query": query,
    "stored": stored,
    **{library: naive(library) for library in LIBRARIES},
}


def main(name: str, file: str) -> None:
    print(json.dumps(CONTESTANTS[name](parse_network(Path(file).read_bytes()))))


if __name__ == "__main__":
    main(*sys.argv[1:])
