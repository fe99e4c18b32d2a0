"""Writes the table of problems into the APIs' conventions: `python -m local.conventions`, of what the three documents say."""

import re
from typing import get_type_hints

from online_kart import problems
from online_kart.documentation import CONVENTIONS
from online_kart.domain.errors import KartError
from online_kart.openapi import routes_of

from .apps import ROOT, load_apps

TABLE = re.compile(r"(<!-- problems: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "| type, after `urn:kart:problem:` | status | what it says | facts |\n| --- | --- | --- | --- |\n"


def answered() -> list[type[KartError]]:
    """The errors that operations of the three apps can answer, by status and name."""
    routes = (route for app in load_apps().values() for route in routes_of(app.app))
    found = {error for route in routes for error in route.errors}
    return sorted(found, key=lambda error: (problems.answered(error), error.__name__))


def conventions() -> str:
    rows = "\n".join(map(_row, answered()))
    return TABLE.sub(
        lambda old: f"{old[1]}\n{HEAD}{rows}\n\n{old[2]}", CONVENTIONS.read_text("utf-8")
    )


def _row(error: type[KartError]) -> str:
    facts = ", ".join(f"`{fact}`" for fact in get_type_hints(error))
    return f"| `{error.__name__}` | {int(problems.answered(error))} | {problems.meaning(error)} | {facts} |"


def main() -> None:
    CONVENTIONS.write_text(conventions(), "utf-8")
    print(f"Wrote {CONVENTIONS.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
