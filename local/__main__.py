"""The local system by hand: `python -m local up`, `down`, `reset`, `demo`, `speed`, `token`, `dead-letters`.

`up` starts everything, prints where it answers, and stays until Ctrl-C. Called a second time it says
where the system answers and exits 0: what was asked for is the case. `demo` uses a system that runs,
or starts one of its own from nothing and ends it.
"""

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import httpx
from rich.console import Console

from online_kart.clock import Clock

from .apps import APPS
from .clock import ClockFile
from .environment import documents_db
from .errors import LocalError
from .people import DEMO, People
from .ports import Ports
from .sign_in import SignIn
from .state import state_folder
from .system import ENGINE, Addresses, AlreadyRuns, System
from .token_issuers import APP_OF_POOL, serves

REPORT_WIDTH = 120
STAFF_APP = "fulfillment_app"
"""Of the demo's report where it is not shown on a terminal."""

TITLES = {
    "fulfillment_app": "Easy Fulfillment",
    "seller_app": "Seller Application",
    "customer_app": "Customer App",
    ENGINE: "engine (bus, queues, state machines)",
}


def up(state: Path, speed: float | None) -> int:
    system = System(state, Ports.from_env())
    stop = Event()
    try:
        with system.running(speed) as running:
            _tell(running.addresses, system.clock_file)
            _tell_people(state)
            print("Ctrl-C or `make down` stops it.")
            running.watch(stop)
    except AlreadyRuns as already:
        print(already)
        if already.addresses:
            _tell(already.addresses, system.clock_file)
            _tell_people(state)
    except KeyboardInterrupt:
        print("Stopped. `make up` goes on from here; `make reset` forgets all data.")
    return 0


def down(state: Path) -> int:
    stopped = System(state, Ports.from_env()).down()
    print("Stopped." if stopped else "Nothing was running.")
    return 0


def reset(state: Path) -> int:
    System(state, Ports.from_env()).reset()
    print("All local data is gone.")
    return 0


def demo(state: Path, orders: int) -> int:
    """0 if every invariant holds."""
    from .demo import run as job

    console = Console(width=None if sys.stdout.isatty() else REPORT_WIDTH)
    with ExitStack() as system_runs:
        addresses = System(state, Ports.from_env()).addresses()
        clock_file, people_in = ClockFile(state), state
        if addresses is None:
            people_in = state / "demo"
            own = System(people_in, Ports.any_free(), say=console.print)
            own.reset()
            addresses = system_runs.enter_context(own.running(job.speed_for(orders))).addresses
            clock_file = own.clock_file
        else:
            console.print("Using the system that runs.")
            speed_before = clock_file.clock().speed
            clock_file.set_speed(job.speed_for(orders))
            system_runs.callback(clock_file.set_speed, speed_before)
        clock: Clock = clock_file.clock()
        system = job.System(
            addresses.ports,
            addresses.databases,
            documents_db(),
            clock,
            SignIn(addresses.url(ENGINE), People(people_in)),
            state / "network.json",
        )
        return 0 if job.run(system, console, orders) else 1


def speed(state: Path, factor: float) -> int:
    ClockFile(state).set_speed(factor)
    print(f"Business time runs {factor:g} times as fast as the clock on the wall.")
    return 0


def dead_letters(state: Path, replay: bool) -> int:
    """What no try could handle; `replay` delivers it once more. 1 where nothing runs."""
    addresses = System(state, Ports.from_env()).addresses()
    if addresses is None:
        print("Nothing is running.")
        return 1
    tell_dead_letters(addresses.url(ENGINE), replay)
    return 0


def tell_dead_letters(engine_url: str, replay: bool) -> None:
    url = f"{engine_url}/dead-letters"
    if replay:
        print(f"Delivered once more: {httpx.post(url).json()['redriven']}")
        return
    letters = httpx.get(url).json()
    for letter in letters:
        print(f"{letter['queue']}: {letter['error']}\n  {letter['body']}")
    print(f"Dead letters: {len(letters)}")


def _tell(addresses: Addresses, clock_file: ClockFile) -> None:
    clock = clock_file.clock()
    print("\nOnline Kart runs:")
    for server in (*APPS, ENGINE):
        print(f"  {TITLES[server]:<38}{addresses.url(server)}")
    print(f"  {'their documentation':<38}at /docs of each app")
    print(f"  {'inventory database':<38}{addresses.databases.inventory_dsn}")
    print(f"  {'customer database':<38}{addresses.databases.customer_dsn}")
    print(f"  {'documents':<38}{addresses.databases.mongodb_uri}")
    print(f"  {'business time':<38}{clock.now():%Y-%m-%d %H:%M} UTC, at speed {clock.speed:g}\n")


def _tell_people(state: Path) -> None:
    """Their passwords are of this machine's making: see `people`."""
    people = People(state)
    print("Who can sign in:")
    for pool, username, _, who in DEMO:
        person = people.find(pool, username)
        if person:
            print(f"  {username:<10}{person.password:<20}{pool:<11}{who}")
    print("A token: .venv/bin/python -m local token meera")
    print("At first there are no facilities, and nothing to buy: TOUR.md says what to do.\n")


def token(state: Path, username: str, app: str | None) -> int:
    """Print an access token, for the app where that person is at home if none is named.

    1 where nothing runs, nobody is called so, or the app is for others.
    """
    addresses = System(state, Ports.from_env()).addresses()
    if addresses is None:
        print("Nothing is running.")
        return 1
    people = People(state)
    person = next((each for each in people.all() if each.username == username), None)
    if person is None:
        print(f"Nobody called {username} has an account.")
        return 1
    wanted = f"{app}_app" if app else APP_OF_POOL.get(person.pool, STAFF_APP)
    if not serves(wanted, person.pool):
        print(f"{TITLES[wanted]} is not for {person.pool}: {username} is one of them.")
        return 1
    print(SignIn(addresses.url(ENGINE), people).token_of(person, wanted))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start the system and stay")
    starting.add_argument("--speed", type=float, help="of business time; 1 is real time")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("reset", help="stop it and forget its data")
    main_job = commands.add_parser("demo", help="the main job, from click to doorstep")
    main_job.add_argument("--orders", type=int, default=120)
    faster = commands.add_parser("speed", help="change how fast business time runs")
    faster.add_argument("factor", type=float)
    signing_in = commands.add_parser("token", help="sign in, and print the access token")
    signing_in.add_argument("username")
    signing_in.add_argument(
        "--app", choices=[a[:-4] for a in APPS], help="theirs, if none is named"
    )
    letters = commands.add_parser("dead-letters", help="what no try could handle")
    letters.add_argument("--replay", action="store_true", help="deliver it once more")
    return parser.parse_args()


def _end_as_with_ctrl_c(number: signal.Signals) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
        signal.signal(number, signal.default_int_handler)


def main() -> int:
    arguments = _arguments()
    _end_as_with_ctrl_c(signal.SIGTERM)
    _end_as_with_ctrl_c(signal.SIGHUP)  # the terminal was closed
    state = state_folder()
    match arguments.command:
        case "up":
            return up(state, arguments.speed)
        case "down":
            return down(state)
        case "reset":
            return reset(state)
        case "speed":
            return speed(state, arguments.factor)
        case "token":
            return token(state, arguments.username, arguments.app)
        case "dead-letters":
            return dead_letters(state, arguments.replay)
        case _:
            return demo(state, arguments.orders)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LocalError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit(130)
