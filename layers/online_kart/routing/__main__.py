"""Route tables and paths of a network file, for people and for planning on paper.

    python -m online_kart.routing tables NETWORK.json
    python -m online_kart.routing plan NETWORK.json --from BLR1 --to 560001
    python -m online_kart.routing plan NETWORK.json --from BLR1 --to 560001 \
        --depart-at 2026-03-02T10:00:00+05:30
    python -m online_kart.routing plan NETWORK.json --all-pairs
    python -m online_kart.routing health NETWORK.json --pincodes PINCODES.txt
    python -m online_kart.routing map NETWORK.json --out map.html --from BLR1 --to 560001

JSON goes to standard output, errors to standard error. The exit code is 0, 1 when there is no path
from one to the other, and 2 when the file breaks a rule or the question can't be understood, and
when a map is asked for where what draws it is not installed.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO

from pydantic import TypeAdapter, ValidationError

from online_kart.domain.errors import InvalidNetwork, InvalidRequest, NotServed
from online_kart.domain.network import HOP_LIMIT_MAX, Network, parse_network
from online_kart.domain.routes import PlannedPath
from online_kart.domain.values import AskedInstant

from . import map
from .explanations import Explanation, Start, candidates, explain
from .forwarding import Forwarding
from .health import health
from .tables import Router
from .timetables import TimetableSearch

NO_PATH, REFUSED = 1, 2


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run the command and return its exit code; a usage error leaves by SystemExit, as argparse does."""
    options = _parser().parse_args(arguments)
    out = out or sys.stdout
    try:
        network = _read(options.network, options.hop_limit)
        return int(options.run(Router(network), options, out))
    except InvalidNetwork as error:
        return _refuse(error.problems, options.network)
    except InvalidRequest as error:
        return _refuse([str(error)], options.network)
    except BrokenPipeError:
        # Nobody reads on, as with `| head`. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m online_kart.routing", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tables = commands.add_parser("tables", help="all route tables, and what the network can't do")
    tables.set_defaults(run=_print_tables)
    plan = commands.add_parser("plan", help="the path from a facility to a pincode, or all paths")
    plan.set_defaults(run=_print_plan)
    health_ = commands.add_parser("health", help="what the network can't do, and hangs on")
    health_.set_defaults(run=_print_health)
    draw = commands.add_parser("map", help="the network on a map, a file for any browser")
    draw.set_defaults(run=_draw_map)
    draw.add_argument("--out", type=Path, required=True, metavar="MAP.html")
    for command in (tables, plan, health_, draw):
        command.add_argument("network", metavar="NETWORK.json")
        command.add_argument(
            "--hop-limit", type=int, metavar="H", help="instead of the file's own hop limit"
        )
    health_.add_argument(
        "--pincodes", metavar="FILE", help="pincodes that should be served, between blanks or lines"
    )
    for command in (plan, draw):
        command.add_argument("--from", dest="origin", metavar="CODE", help="an FC or a hub")
        command.add_argument("--to", metavar="PIN", help="a pincode, or the code of an FC")
    plan.add_argument(
        "--depart-at",
        metavar="INSTANT",
        help="when the package is at --from, with a time zone: the fastest path then, with times",
    )
    plan.add_argument(
        "--all-pairs", action="store_true", help="a JSON line for every ordered pair of FCs"
    )
    return parser


def _read(file: str, hop_limit: int | None) -> Network:
    """The network of a file. Raises InvalidNetwork, also for a file that can't be read."""
    if hop_limit is not None and not 1 <= hop_limit <= HOP_LIMIT_MAX:
        raise InvalidRequest(f"--hop-limit is from 1 to {HOP_LIMIT_MAX}, not {hop_limit}")
    try:
        network = parse_network(Path(file).read_bytes())
    except OSError as error:
        raise InvalidNetwork((f"the file: {error.strerror}",)) from error
    return network if hop_limit is None else network.model_copy(update={"hop_limit": hop_limit})


def _refuse(problems: Sequence[str], file: str) -> int:
    for problem in problems:
        print(f"{file}: {problem}", file=sys.stderr)  # noqa: T201 - a command speaks
    return REFUSED


def _write(out: TextIO, value: Any, end: str = "\n") -> None:
    out.write(json.dumps(value, ensure_ascii=False) + end)


def _print_tables(router: Router, options: argparse.Namespace, out: TextIO) -> int:
    """One JSON object, written a table a line: all of them at once would be a lot of memory."""
    out.write(f'{{"hop_limit": {router.network.hop_limit},\n"tables": [')
    separator = "\n"
    for table in router.tables():
        out.write(separator)
        _write(out, table.as_document(), end="")
        separator = ",\n"
    out.write('\n],\n"health": ')
    _write(out, health(router).model_dump(mode="json"), end="}\n")
    out.flush()
    return 0


def _print_health(router: Router, options: argparse.Namespace, out: TextIO) -> int:
    pincodes = _pincodes(options.pincodes) if options.pincodes else ()
    _write(out, health(router, pincodes).model_dump(mode="json"))
    out.flush()
    return 0


def _pincodes(file: str) -> list[int]:
    try:
        words = Path(file).read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"--pincodes: {file} can't be read as text") from error
    for word in words:
        if not _is_pincode(word):
            raise InvalidRequest(f'--pincodes: "{word}" is not a six-digit pincode')
    return [int(word) for word in words]


def _is_pincode(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) == 6


def _print_plan(router: Router, options: argparse.Namespace, out: TextIO) -> int:
    one_pair = options.origin is not None and options.to is not None
    half_a_pair = (options.origin is None) != (options.to is None)
    if one_pair == options.all_pairs or half_a_pair:
        raise InvalidRequest("plan takes either --from CODE and --to PIN, or --all-pairs")
    if options.all_pairs and options.depart_at:
        raise InvalidRequest("--depart-at goes with --from CODE and --to PIN")
    if one_pair:
        depart_at = None if options.depart_at is None else _instant(options.depart_at)
        return _print_pair(router, options.origin, options.to, depart_at, out)
    for pair in _all_pairs(router):
        _write(out, pair)
    out.flush()
    return 0


def _all_pairs(router: Router) -> Iterator[dict[str, Any]]:
    """By destination, for on the way to one FC the facilities' choices are made once."""
    codes = [fc.code for fc in router.network.fcs]
    for destination in codes:
        forwarding = Forwarding(router.table, destination)
        for origin in codes:
            if origin != destination:
                yield {
                    "origin": origin,
                    "destination": destination,
                    **_summary(forwarding.path(origin)),
                }


def _summary(path: PlannedPath | None) -> dict[str, Any]:
    if path is None:
        return {"path": None, "minutes": None, "hops": None}
    return {"path": path.facilities, "minutes": path.minutes, "hops": path.hops}


def _instant(text: str) -> datetime:
    try:
        instant: datetime = TypeAdapter(AskedInstant).validate_python(text)
    except ValidationError:
        example = "a moment with its time zone, such as 2026-03-02T10:00:00+05:30"
        raise InvalidRequest(f'--depart-at: "{text}" is not {example}') from None
    return instant


def _print_pair(
    router: Router, origin: str, to: str, depart_at: datetime | None, out: TextIO
) -> int:
    """Prints the path with its stops, or `"path": null`, and why it is so."""
    destination, path = _find_path(router, origin, to, depart_at)
    answer = {"origin": origin, "to": to, "destination": destination, **_summary(path)}
    why = None if destination is None else _why(router, origin, destination, path, depart_at)
    _write(out, answer | (_stops(path) if path else {}) | {"why": why})
    out.flush()
    return 0 if path else _tell_no_path(origin, to, destination)


def _find_path(
    router: Router, origin: str, to: str, depart_at: datetime | None = None
) -> tuple[str | None, PlannedPath | None]:
    """The FC that is meant, and the path there, at an instant or at any. None where there is none."""
    if origin not in router.network.by_code:
        raise InvalidRequest(f'--from: "{origin}" is not a facility of the network')
    destination = _destination(router.network, to)
    path = None if destination is None else _path(router, origin, destination, depart_at)
    return destination, path


def _tell_no_path(origin: str, to: str, destination: str | None) -> int:
    reason = f"no FC serves pincode {to}" if destination is None else "there is no path"
    print(f"{origin} to {to}: {reason}", file=sys.stderr)  # noqa: T201 - a command speaks
    return NO_PATH


def _draw_map(router: Router, options: argparse.Namespace, out: TextIO) -> int:
    """Writes the map to its own file, or nothing where the path that is asked for does not exist."""
    if (options.origin is None) != (options.to is None):
        raise InvalidRequest("map takes both --from CODE and --to PIN, or neither")
    path = None
    if options.origin is not None:
        destination, path = _find_path(router, options.origin, options.to)
        if path is None:
            return _tell_no_path(options.origin, options.to, destination)
    try:
        options.out.write_text(map.page(router, path), "utf-8")
    except ModuleNotFoundError as error:
        raise InvalidRequest(f"a map needs {error.name}: pip install {error.name}") from error
    except OSError as error:
        raise InvalidRequest(f"--out {options.out}: {error.strerror}") from error
    return 0


def _destination(network: Network, to: str) -> str | None:
    """The FC of that code, or that serves that pincode; None when nobody serves it."""
    facility = network.by_code.get(to)
    if facility and not facility.is_hub:
        return facility.code
    if not _is_pincode(to):
        raise InvalidRequest(f'--to: "{to}" is neither a six-digit pincode nor an FC')
    try:
        return network.fc_serving(int(to))
    except NotServed:
        return None


def _path(
    router: Router, origin: str, destination: str, depart_at: datetime | None
) -> PlannedPath | None:
    if depart_at is None:
        return router.plan(origin, destination)
    return TimetableSearch(router.network).path(origin, destination, depart_at)


def _why(
    router: Router,
    origin: str,
    destination: str,
    path: PlannedPath | None,
    depart_at: datetime | None,
) -> dict[str, Any]:
    """Without an instant there are no times, and where there is no path there are the candidates alone."""
    network = router.network
    if path is None:
        found = candidates(router.table, origin, destination, network.hop_limit)
        return Explanation(chosen=None, candidates=found).model_dump(mode="json")
    handling = timedelta(minutes=network.by_code[origin].handling_minutes)
    start = None if depart_at is None else Start(depart_at, depart_at + handling)
    return explain(network, router.table, path, start).model_dump(mode="json")


def _stops(path: PlannedPath) -> dict[str, Any]:
    """`minutes` at a stop are those from the start to its door; `budget`, the legs left there."""
    minutes = accumulate((leg.minutes for leg in path.legs), initial=0)
    stops = zip(path.facilities, minutes, path.budgets, strict=True)
    return {
        "stops": [
            {"facility": facility, "minutes": at, "budget": budget}
            for facility, at, budget in stops
        ],
        "legs": [leg._asdict() for leg in path.legs],
    }


if __name__ == "__main__":
    sys.exit(main())
