"""Route tables and paths of a network file, for people and for planning on paper.

    python -m online_kart.routing tables NETWORK.json
    python -m online_kart.routing plan NETWORK.json --from BLR1 --to 560001
    python -m online_kart.routing plan NETWORK.json --all-pairs
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
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO

from online_kart.domain.errors import InvalidNetwork, InvalidRequest, NotServed
from online_kart.domain.network import HOP_LIMIT_MAX, Network, parse_network
from online_kart.domain.routes import PlannedPath

from . import map
from .forwarding import Forwarding
from .health import health
from .tables import Router

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
    draw = commands.add_parser("map", help="the network on a map, a file for any browser")
    draw.set_defaults(run=_draw_map)
    draw.add_argument("--out", type=Path, required=True, metavar="MAP.html")
    for command in (tables, plan, draw):
        command.add_argument("network", metavar="NETWORK.json")
        command.add_argument(
            "--hop-limit", type=int, metavar="H", help="instead of the file's own hop limit"
        )
    for command in (plan, draw):
        command.add_argument("--from", dest="origin", metavar="CODE", help="an FC or a hub")
        command.add_argument("--to", metavar="PIN", help="a pincode, or the code of an FC")
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
    _write(out, asdict(health(router)), end="}\n")
    out.flush()
    return 0


def _print_plan(router: Router, options: argparse.Namespace, out: TextIO) -> int:
    one_pair = options.origin is not None and options.to is not None
    half_a_pair = (options.origin is None) != (options.to is None)
    if one_pair == options.all_pairs or half_a_pair:
        raise InvalidRequest("plan takes either --from CODE and --to PIN, or --all-pairs")
    if one_pair:
        return _print_pair(router, options.origin, options.to, out)
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


def _print_pair(router: Router, origin: str, to: str, out: TextIO) -> int:
    """Prints the path with its stops, or `"path": null`."""
    destination, path = _find_path(router, origin, to)
    answer = {"origin": origin, "to": to, "destination": destination, **_summary(path)}
    _write(out, answer | (_stops(path) if path else {}))
    out.flush()
    return 0 if path else _tell_no_path(origin, to, destination)


def _find_path(router: Router, origin: str, to: str) -> tuple[str | None, PlannedPath | None]:
    """The FC that is meant, and the path there. None where there is none."""
    if origin not in router.network.by_code:
        raise InvalidRequest(f'--from: "{origin}" is not a facility of the network')
    destination = _destination(router.network, to)
    return destination, None if destination is None else router.plan(origin, destination)


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
    if not (to.isascii() and to.isdigit() and len(to) == 6):
        raise InvalidRequest(f'--to: "{to}" is neither a six-digit pincode nor an FC')
    try:
        return network.fc_serving(int(to))
    except NotServed:
        return None


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
