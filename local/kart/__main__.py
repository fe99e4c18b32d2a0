"""`kart`: sign in, look at orders, routes, runs and stock, close a facility. Add --json for scripts."""

import json
import sys
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.markup import escape
from typer.core import TyperGroup

from online_kart.domain.runs import RunStatus

from ..client.refused import Refused
from ..errors import LocalError
from ..state import state_folder
from . import tables
from .advice import what_to_do
from .session import Session

WIDTH = 140
"""Where the answer is not shown on a terminal."""

ROWS_DEFAULT = 50
ROWS_MAX = 10_000

AS_JSON = "as_json"
"""In a context's `meta`: how errors are told, too."""


class ErrorsTold(TyperGroup):
    """Whatever a command raises that people can do something about is told to them; the exit code is 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LocalError as error:
            _tell(error, as_json=bool(ctx.meta.get(AS_JSON)))
            raise typer.Exit(1) from error


def _remember(context: typer.Context, as_json: bool) -> bool:
    context.meta[AS_JSON] = as_json
    return as_json


AsJson = Annotated[
    bool, typer.Option("--json", help="The API's own words, for scripts.", callback=_remember)
]
Limit = Annotated[int, typer.Option(min=1, max=ROWS_MAX, help="Rows at most.")]

kart = typer.Typer(
    name="kart",
    cls=ErrorsTold,
    help=__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@kart.callback()
def _begin(context: typer.Context) -> None:
    context.obj = context.obj or Session(state_folder())


@kart.command("sign-in")
def sign_in(context: typer.Context, username: str) -> None:
    """From now on, it is USERNAME who asks. `make up` lists who there is."""
    person = _session(context).sign_in(username)
    _console().print(f"{person.username} ({person.pool}) is signed in.")


@kart.command()
def order(context: typer.Context, order_id: UUID, as_json: AsJson = False) -> None:
    """An order, and its packages' journeys, planned and actual."""
    customers = _session(context).customers()
    found = customers.order(order_id)
    paths = [customers.path_of_package(package.package_id) for package in found.packages]
    _show(as_json, {"order": found, "paths": paths}, lambda: tables.order(found, paths))


@kart.command()
def table(context: typer.Context, facility: str, as_json: AsJson = False) -> None:
    """The route table of a hub or FC."""
    page = _session(context).fulfillment().route_table(facility)
    _show(as_json, page, lambda: tables.route_table(page))


@kart.command()
def path(
    context: typer.Context,
    origin: Annotated[str, typer.Argument(metavar="FROM")],
    to: Annotated[int, typer.Option(help="A pincode.")],
    as_json: AsJson = False,
) -> None:
    """The path of a package from a facility to a pincode, and why it is this one."""
    found = _session(context).fulfillment().path(origin, to)
    _show(as_json, found, lambda: tables.path(found))


@kart.command()
def runs(
    context: typer.Context,
    status: RunStatus | None = None,
    limit: Limit = ROWS_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Runs of state machines, the newest first."""
    found = list(islice(_session(context).fulfillment().runs(status), limit))
    _show(as_json, {"items": found}, lambda: tables.runs(found))


@kart.command()
def stock(
    context: typer.Context,
    fc_code: Annotated[str, typer.Argument(metavar="FC")],
    sku: str | None = None,
    limit: Limit = ROWS_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """On hand, reserved and free, by item and seller."""
    found = list(islice(_session(context).fulfillment().stock(fc_code, sku), limit))
    _show(as_json, {"items": found}, lambda: tables.stock(fc_code, found))


@kart.command()
def close(
    context: typer.Context,
    facility: str,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close a hub or FC: first see what that would do, then decide. With --json only --yes closes it."""
    fulfillment = _session(context).fulfillment()
    told = fulfillment.closing(facility)
    if as_json and not yes:
        _print_json(told)
        return
    if not as_json:
        _console().print(tables.dry_run(facility, told))
    if not yes:
        typer.confirm(f"Close {facility}?", abort=True)
    accepted = fulfillment.close_facility(facility)
    _show(
        as_json,
        accepted,
        lambda: f"{facility} is closing; route tables of version {accepted.version} will avoid it.",
    )


def _session(context: typer.Context) -> Session:
    session: Session = context.obj
    return session


def _show(as_json: bool, found: Any, shown: Any) -> None:
    """`shown` makes what people see of it."""
    if as_json:
        _print_json(found)
    else:
        drawn: RenderableType = shown()
        _console().print(drawn)


def _print_json(found: Any) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False, default=_in_json))


def _in_json(value: BaseModel) -> Any:
    return value.model_dump(mode="json", by_alias=True)


def _tell(error: LocalError, as_json: bool) -> None:
    """On the standard error: the problem as the app told it for scripts; for people what it says, and what to do."""
    if not isinstance(error, Refused):
        print(error, file=sys.stderr)
        return
    if as_json:
        print(json.dumps(error.problem, indent=2, ensure_ascii=False), file=sys.stderr)
        return
    console = Console(stderr=True, width=_width(sys.stderr.isatty()))
    console.print(f"[red]{escape(error.title)}[/red]")
    for line in (error.detail, what_to_do(error)):
        if line:
            console.print(escape(line))


def _console() -> Console:
    return Console(width=_width(sys.stdout.isatty()))


def _width(on_terminal: bool) -> int | None:
    return None if on_terminal else WIDTH


def main() -> None:
    kart(prog_name="kart")


if __name__ == "__main__":
    main()
