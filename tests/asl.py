"""State machines, walked step by step by their own definitions, without threads: a world says what happens next.

As much of the Amazon States Language as ours use. `local/moto_engine.py` runs the same files for the local system; it
takes threads and milliseconds, of which the worlds of crashes and of random weeks have none.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from local.diagrams import definition
from local.step_functions import snake_case

Data = Any


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


class Pause(NamedTuple):
    """Nothing is to be done for so long, then a task is tried again."""

    length: timedelta


Step = Task | Wait | Pause
Walk = Generator[Step, Data, Data]
"""Yields what it waits for, is sent what the task answered (or thrown a StateFailed), and returns its output."""

Choose = Callable[[int], int]
"""Which of so many items of a Map is next, counted from 0."""


class StateFailed(Exception):
    """A state failed, by the error's name."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


@cache
def machine(name: str) -> Mapping[str, Any]:
    return definition(name)


class Context(NamedTuple):
    """What a definition finds behind `$$`."""

    values: Mapping[str, Any]
    choose: Choose

    def at(self, path: str) -> Data:
        return _get(self.values, path.removeprefix("$"))

    def of_item(self, item: Data) -> "Context":
        return self._replace(values={**self.values, "Map": {"Item": {"Value": item}}})


def execution(machine_name: str, name: str, input_: Data, choose: Choose = lambda count: 0) -> Walk:
    """A run of the machine. Items of a Map come one after the other: in their order, or as chosen."""
    given = by_value(input_)
    context = Context({"Execution": {"Name": name, "Input": given}}, choose)
    return _walk(machine(machine_name), given, context)


def _walk(part: Mapping[str, Any], data: Data, context: Context) -> Walk:
    """From the first state to the last. Raises StateFailed."""
    name: str | None = part["StartAt"]
    while name is not None:
        state = part["States"][name]
        try:
            data, name = yield from _pass(state, name, data, context)
        except StateFailed as error:
            catcher = _first_for(state.get("Catch", ()), error)
            if catcher is None:
                raise
            caught = {"Error": error.name, "Cause": error.cause}
            data, name = _put(data, catcher.get("ResultPath", "$"), caught), catcher["Next"]
    return data


def _pass(
    state: Mapping[str, Any], name: str, data: Data, context: Context
) -> Generator[Step, Data, tuple[Data, str | None]]:
    """The data behind the state, and the next state's name."""
    following = state.get("Next")
    match state["Type"]:
        case "Task":
            data = yield from _call(state, name, data, context)
        case "Map":
            data = yield from _each(state, data, context)
        case "Wait":
            yield Wait(_get(data, state["TimestampPath"]))
        case "Choice":
            following = _chosen(state, data)
        case "Pass":
            data = _put(data, state.get("ResultPath", "$"), state["Result"])
        case "Fail":
            raise StateFailed(_failure(state, data, "Error"), _failure(state, data, "Cause"))
    return _get(data, state.get("OutputPath", "$")), following


def _call(state: Mapping[str, Any], name: str, data: Data, context: Context) -> Walk:
    tried = [0 for _ in state["Retry"]]
    payload = _made(state["Parameters"], data, context)["Payload"]
    while True:
        try:
            answer = yield Task(snake_case(name), payload)
            break
        except StateFailed as error:
            retrier = _first_for(state["Retry"], error)
            place = state["Retry"].index(retrier) if retrier else None
            if place is None or tried[place] == retrier["MaxAttempts"]:
                raise
        yield _pause(retrier, tried[place])
        tried[place] += 1
    result: Data = {"Payload": answer}
    if "ResultSelector" in state:
        result = _made(state["ResultSelector"], result, context)
    return _put(data, state.get("ResultPath", "$"), result)


def _pause(retrier: Mapping[str, Any], tried: int) -> Pause:
    """The longest that its jitter allows."""
    seconds = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** tried
    return Pause(timedelta(seconds=min(seconds, retrier["MaxDelaySeconds"])))


def _each(state: Mapping[str, Any], data: Data, context: Context) -> Walk:
    """One item after the other: a world goes through one thing at a time."""
    results: dict[int, Data] = {}
    items = list(enumerate(_get(data, state["ItemsPath"])))
    while items:
        place, item = items.pop(context.choose(len(items)))
        of_item, given = context.of_item(item), item
        if "ItemSelector" in state:
            given = _made(state["ItemSelector"], data, of_item)
        results[place] = yield from _walk(state["ItemProcessor"], given, of_item)
    return _put(data, state.get("ResultPath", "$"), [results[place] for place in sorted(results)])


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


def _made(template: Mapping[str, Any], data: Data, context: Context) -> dict[str, Data]:
    """Fields that end in `.$` are paths; those behind `$$` lead into the context."""
    made: dict[str, Data] = {}
    for key, value in template.items():
        if key.endswith(".$"):
            made[key[:-2]] = context.at(value) if value.startswith("$$") else _get(data, value)
        else:
            made[key] = _made(value, data, context) if isinstance(value, dict) else value
    return made


def by_value(data: Data) -> Data:
    """As JSON carries it from state to state."""
    return json.loads(json.dumps(data))
