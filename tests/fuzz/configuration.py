"""What Schemathesis is told of an app: who asks, and the ids of things that there are."""

import json
from collections.abc import Mapping
from pathlib import Path

from online_kart.domain.principals import Role
from tests import identity
from tests.fuzz import hooks

EXISTS = 0.7
"""How often a parameter of a path names a thing that there is, where it might."""


def configuration(things: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """In TOML, whose strings and lists JSON's are, too. The environment it will be read in has a token, or none."""
    lines = ["[cache]", "enabled = false"]  # each run by its seed alone, and no files left behind
    if hooks.TOKEN in environment:
        lines += ["[auth.openapi.access_token]", f'bearer = "${{{hooks.TOKEN}}}"']
    for name, value in things.items():
        known = int(value) if value.isdecimal() else value
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps([known])}"]
    lines.append("[parameters]")
    for name in things:
        lines.append(f'"path.{name}" = {{ dictionary = "{name}", probability = {EXISTS} }}')
    return "\n".join(lines) + "\n"


def things_file(things: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment that the hooks need."""
    file = folder / "things.json"
    file.write_text(json.dumps(dict(things)))
    return {hooks.THINGS: str(file)}


def as_admin(app: str) -> dict[str, str]:
    """The environment in which who asks may do anything."""
    return {hooks.TOKEN: identity.staff(app, Role.ADMIN)}
