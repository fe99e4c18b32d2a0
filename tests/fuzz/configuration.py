"""What Schemathesis is told of an app: who asks, and the ids of things that there are."""

import json
from collections.abc import Mapping
from pathlib import Path

from online_kart.domain.principals import Role
from tests import identity
from tests.fuzz import hooks

TOKEN = "KART_FUZZ_TOKEN"
EXISTS = 0.7
"""How often a parameter of a path names a thing that there is, where it might."""


def configuration(things: Mapping[str, str]) -> str:
    """In TOML, whose strings and lists JSON's are, too."""
    lines = ["[cache]", "enabled = false"]  # each run by its seed alone, and no files left behind
    lines += ["[auth.openapi.access_token]", f'bearer = "${{{TOKEN}}}"']
    for name, value in things.items():
        known = int(value) if value.isdecimal() else value
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps([known])}"]
    lines.append("[parameters]")
    for name in things:
        lines.append(f'"path.{name}" = {{ dictionary = "{name}", probability = {EXISTS} }}')
    return "\n".join(lines) + "\n"


def variables(app: str, things: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Of the environment: for the configuration and the hooks. Who asks may do anything."""
    file = folder / "things.json"
    file.write_text(json.dumps(dict(things)))
    return {hooks.THINGS: str(file), TOKEN: identity.staff(app, Role.ADMIN)}
