"""What a function needs of AWS, read from its code: what it asks of its app's `wiring`, and nothing else.

Entry points get every connection from `wiring`, so what a role may do follows from what the code does, and a call that
is added or taken away changes the role with it. An API is all of its views.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from .layers import ROOT
from .packages import Function

Need = Literal["inventory", "customer", "documents", "bus", "machines", "relay", "payments"]

NEEDS: dict[str, Need | None] = {
    "inventory_db": "inventory",
    "customer_db": "customer",
    "documents": "documents",
    "bus": "bus",
    "step_functions": "machines",
    "nudge_relay": "relay",
    "payments": "payments",
    # What has no connection.
    "clock": None,
    "now": None,
    "settings": None,
    "state_machine_arns": None,
    "tokens": None,
}
"""What `wiring` offers → what that takes."""


class UnknownNeed(Exception):
    """The wiring offers something that nobody has said the rights of: add it to NEEDS."""


def needs_of(app: str, function: Function) -> frozenset[Need]:
    """Raises UnknownNeed."""
    folder = ROOT / app / "chalicelib"
    if function.kind == "authorizer":
        return frozenset()  # it reads published keys only
    if function.kind == "api":
        asked = {name for path in folder.glob("api/*.py") for name in _asked(_module(path))}
    else:
        path = ROOT / app / Path(*function.module.split(".")).with_suffix(".py")
        asked = set(_asked_by(_module(path), function.name))
    unknown = asked - NEEDS.keys()
    if unknown:
        raise UnknownNeed(f"{app}: {function.name} asks the wiring for {sorted(unknown)}.")
    return frozenset(need for name in asked if (need := NEEDS[name]))


@cache
def _module(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _asked_by(module: ast.Module, function: str) -> Iterator[str]:
    """By the function, and by those of its module that it calls."""
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    ahead, seen = [function], set[str]()
    while ahead:
        name = ahead.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        yield from _asked(functions[name])
        ahead += [node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)]


def _asked(node: ast.AST) -> Iterator[str]:
    """The names after `wiring.`"""
    for each in ast.walk(node):
        if (
            isinstance(each, ast.Attribute)
            and isinstance(each.value, ast.Name)
            and each.value.id == "wiring"
        ):
            yield each.attr
