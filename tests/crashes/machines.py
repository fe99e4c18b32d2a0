"""State machines, walked step by step by their own definitions, without threads: a world says what happens next, and when.

As much of the Amazon States Language as ours use. `local/moto_engine.py` runs the same files for the local system; it
takes threads and milliseconds, of which a world has none.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from local.diagrams import definition
from local.step_functions import snake_case

Data = Any
Walk = Generator["Task | Wait", Data, Data]
"""Yields what it waits for, is sent what the task answered (or thrown a StateFailed), and returns its output."""


class Task(NamedTuple):
    """A function is to be called."""

    function: str
    payload: Data


class Wait(NamedTuple):
    """Nothing is to be done until then: RFC 3339 with `Z`."""

    until: str

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.until)


class StateFailed(Exception):
    """A state failed, by the error's name."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


@cache
def machine(name: str) -> Mapping[str, Any]:
    return definition(name)


def walk(part: Mapping[str, Any], data: Data) -> Walk:
    """From the first state to the last. Raises StateFailed."""
    name: str | None = part["StartAt"]
    while name is not None:
        state = part["States"][name]
        try:
            data, name = yield from _pass(state, name, data)
        except StateFailed as error:
            catcher = _first_for(state.get("Catch", ()), error)
            if catcher is None:
                raise
            caught = {"Error": error.name, "Cause": error.cause}
            data, name = _put(data, catcher.get("ResultPath", "$"), caught), catcher["Next"]
    return data


def _pass(
    state: Mapping[str, Any], name: str, data: Data
) -> Generator[Task | Wait, Data, tuple[Data, str | None]]:
    """The data behind the state, and the next state's name."""
    following = state.get("Next")
    match state["Type"]:
        case "Task":
            data = yield from _call(state, name, data)
        case "Map":
            data = yield from _each(state, data)
        case "Wait":
            yield Wait(_get(data, state["TimestampPath"]))
        case "Choice":
            following = _chosen(state, data)
        case "Pass":
            data = _put(data, state.get("ResultPath", "$"), state["Result"])
        case "Fail":
            raise StateFailed(_failure(state, data, "Error"), _failure(state, data, "Cause"))
    return _get(data, state.get("OutputPath", "$")), following


def _call(state: Mapping[str, Any], name: str, data: Data) -> Walk:
    tries_left = [retrier["MaxAttempts"] for retrier in state["Retry"]]
    while True:
        try:
            answer = yield Task(snake_case(name), _made(state["Parameters"], data)["Payload"])
            break
        except StateFailed as error:
            retrier = _first_for(state["Retry"], error)
            place = state["Retry"].index(retrier) if retrier else None
            if place is None or tries_left[place] == 0:
                raise
            tries_left[place] -= 1
    result: Data = {"Payload": answer}
    if "ResultSelector" in state:
        result = _made(state["ResultSelector"], result)
    return _put(data, state.get("ResultPath", "$"), result)


def _each(state: Mapping[str, Any], data: Data) -> Walk:
    """One item after the other: which is first doesn't matter, and a world goes through one thing at a time."""
    results = []
    for item in _get(data, state["ItemsPath"]):
        given = item
        if "ItemSelector" in state:
            given = _made(state["ItemSelector"], data, item)
        results.append((yield from walk(state["ItemProcessor"], given)))
    return _put(data, state.get("ResultPath", "$"), results)


def _chosen(state: Mapping[str, Any], data: Data) -> str:
    for choice in state["Choices"]:
        if _holds(choice, data):
            return str(choice["Next"])
    return str(state["Default"])


def _holds(choice: Mapping[str, Any], data: Data) -> bool:
    value = _get(data, choice["Variable"], missing=None)
    if "IsPresent" in choice:
        return bool((value is not None) == choice["IsPresent"])
    expected = choice.get("StringEquals", choice.get("BooleanEquals"))
    return bool(value == expected)


def _first_for(handlers: Sequence[Mapping[str, Any]], error: StateFailed) -> Any:
    """The first Retry or Catch that names the error."""
    fitting = ({error.name, "States.ALL"}.intersection(each["ErrorEquals"]) for each in handlers)
    return next((each for each, fits in zip(handlers, fitting, strict=True) if fits), None)


def _failure(state: Mapping[str, Any], data: Data, what: str) -> str:
    if f"{what}Path" in state:
        return str(_get(data, state[f"{what}Path"], missing=""))
    return str(state.get(what, ""))


# -- paths


_REQUIRED = object()


def _get(data: Data, path: str, missing: Any = _REQUIRED) -> Data:
    for field in path.split(".")[1:]:
        if missing is not _REQUIRED and field not in data:
            return missing
        data = data[field]
    return data


def _put(data: Data, path: str | None, value: Data) -> Data:
    """`null` keeps the data, `$` replaces them, `$.field` adds to them."""
    if path is None:
        return data
    return value if path == "$" else {**data, path.removeprefix("$."): value}


def _made(template: Mapping[str, Any], data: Data, item: Data = None) -> dict[str, Data]:
    """Fields that end in `.$` are paths; `$$.Map.Item.Value` is the item of a Map."""
    made: dict[str, Data] = {}
    for key, value in template.items():
        if key.endswith(".$"):
            is_item = value.startswith("$$.Map.Item.Value")
            made[key[:-2]] = item if is_item else _get(data, value)
        else:
            made[key] = _made(value, data, item) if isinstance(value, dict) else value
    return made


def by_value(data: Data) -> Data:
    """As JSON carries it from state to state."""
    return json.loads(json.dumps(data))
