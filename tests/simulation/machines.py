"""The state machines, one state at a time: the deployed definitions, with nothing that runs by itself.

moto's engine has threads and a clock of its own. Here the world says which execution goes on, and when; whatever a
definition uses that isn't known here fails loudly. An execution is what Step Functions keeps of it: the state it is in,
its data, and since when it may go on.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from local.apps import ROOT
from local.lambdas import Answer
from local.step_functions import SUFFIX, with_function_names

State = dict[str, Any]
Invoke = Callable[[str, Any], Answer]
"""Calls the function of that name with the payload."""

Status = Literal["RUNNING", "SUCCEEDED", "FAILED"]


@cache
def definition(machine: str) -> State:
    text = (ROOT / "statemachines" / f"{machine}{SUFFIX}").read_text()
    parsed: State = json.loads(with_function_names(text))
    return parsed


@dataclass
class Execution:
    """One run of a machine. `left` holds the items that a Map has yet to do, in any order."""

    machine: str
    name: str
    input: Any
    ready_at: datetime
    state: str = ""
    data: Any = None
    status: Status = "RUNNING"
    error: str | None = None
    left: list[int] | None = None
    tries: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state, self.data = definition(self.machine)["StartAt"], self.input

    def step(self, invoke: Invoke, now: datetime, rng: random.Random) -> None:
        """Call one function, then go on to the next state that calls one, waits, or ends it."""
        self._do(invoke, now, rng)
        while self.status == "RUNNING" and self.ready_at <= now and not self._calls:
            self._do(invoke, now, rng)

    @property
    def _calls(self) -> bool:
        return self._definition["Type"] in ("Task", "Map")

    @property
    def _definition(self) -> State:
        state: State = definition(self.machine)["States"][self.state]
        return state

    def _do(self, invoke: Invoke, now: datetime, rng: random.Random) -> None:
        KINDS[self._definition["Type"]](self, self._definition, invoke, now, rng)

    def go(self, state: State) -> None:
        if state.get("End"):
            self.status = "SUCCEEDED"
        else:
            self.state = state["Next"]

    def fail(self, error: str, cause: str = "") -> None:
        self.status, self.error = "FAILED", f"{error}: {cause}"


def _task(run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random) -> None:
    answer = invoke(*_call(state, run.data, {}))
    if answer.is_error:
        _recover(run, state, state, answer.payload, now)
        return
    run.data = _taken(state, run.data, {"Payload": answer.payload})
    run.go(state)


def _call(state: State, data: Any, context: Mapping[str, Any]) -> tuple[str, Any]:
    """The function's name and its payload."""
    parameters = _filled(state["Parameters"], data, context)
    return parameters["FunctionName"], parameters["Payload"]


def _recover(run: Execution, state: State, task: State, error: Any, now: datetime) -> None:
    """Wait for another try, or go where the state's Catch leads; else the run has failed."""
    name, cause = error["errorType"], json.dumps(error)
    for place, retrier in enumerate(task.get("Retry", ())):
        tried = run.tries.get((run.state, place), 0)
        if _matches(retrier, name) and tried < retrier["MaxAttempts"]:
            run.tries[run.state, place] = tried + 1
            seconds = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** tried
            run.ready_at = now + timedelta(seconds=min(seconds, retrier["MaxDelaySeconds"]))
            return
    run.left = None
    for catcher in state.get("Catch", ()):
        if _matches(catcher, name):
            caught = {"Error": name, "Cause": cause}
            run.data = _put(catcher.get("ResultPath", "$"), run.data, caught)
            run.state = catcher["Next"]
            return
    run.fail(name, cause)


def _matches(rule: State, name: str) -> bool:
    return name in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]


def _map(run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random) -> None:
    """One item of it, any of those that are left."""
    items = _read(state["ItemsPath"], run.data)
    if run.left is None:
        run.left = list(range(len(items)))
    if run.left:
        place = rng.randrange(len(run.left))
        task = _only_task(state)
        answer = invoke(*_call(task, _item_of(state, run.data, items[run.left[place]]), {}))
        if answer.is_error:
            _recover(run, state, task, answer.payload, now)
            return
        run.left.pop(place)
    if not run.left:
        assert state["ResultPath"] is None, "What a Map's items answer is not kept by ours."
        run.left = None
        run.go(state)


def _only_task(state: State) -> State:
    processor = state["ItemProcessor"]
    (task,) = processor["States"].values()
    assert task["End"], "A Map of ours has one task."
    only: State = task
    return only


def _item_of(state: State, data: Any, item: Any) -> Any:
    if "ItemSelector" not in state:
        return item
    return _filled(state["ItemSelector"], data, {"Map": {"Item": {"Value": item}}})


def _choice(
    run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random
) -> None:
    chosen = next((each for each in state["Choices"] if _holds(each, run.data)), None)
    run.state = chosen["Next"] if chosen else state["Default"]


def _holds(rule: State, data: Any) -> bool:
    if "IsPresent" in rule:
        return bool(_is_present(rule["Variable"], data) == rule["IsPresent"])
    (operator,) = rule.keys() - {"Variable", "Next"}
    assert operator in ("StringEquals", "BooleanEquals"), f"No machine used {operator} so far."
    return bool(_read(rule["Variable"], data) == rule[operator])


def _wait(run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random) -> None:
    run.ready_at = datetime.fromisoformat(_read(state["TimestampPath"], run.data))
    run.go(state)


def _pass(run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random) -> None:
    run.data = _put(state["ResultPath"], run.data, state["Result"])
    run.go(state)


def _succeed(
    run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random
) -> None:
    run.status = "SUCCEEDED"


def _fail(run: Execution, state: State, invoke: Invoke, now: datetime, rng: random.Random) -> None:
    error = _read(state["ErrorPath"], run.data) if "ErrorPath" in state else state["Error"]
    cause = _read(state["CausePath"], run.data) if "CausePath" in state else state["Cause"]
    run.fail(error, cause)


KINDS: dict[str, Callable[[Execution, State, Invoke, datetime, random.Random], None]] = {
    "Task": _task,
    "Map": _map,
    "Choice": _choice,
    "Wait": _wait,
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
}


# Paths and templates


def _taken(state: State, data: Any, result: Any) -> Any:
    """What a task's result makes of the data."""
    if "ResultSelector" in state:
        result = _filled(state["ResultSelector"], result, {})
    if state.get("ResultPath", "$") is not None:
        data = _put(state.get("ResultPath", "$"), data, result)
    return _read(state.get("OutputPath", "$"), data)


def _filled(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """The template with its paths (`"order_id.$": "$.order_id"`) read."""
    if not isinstance(template, dict):
        return template
    filled = {}
    for key, value in template.items():
        if key.endswith(".$"):
            is_of_context = value.startswith("$$")
            source = context if is_of_context else data
            filled[key.removesuffix(".$")] = _read(value[is_of_context:], source)
        else:
            filled[key] = _filled(value, data, context)
    return filled


def _read(path: str, data: Any) -> Any:
    """KeyError where there is nothing, as Step Functions fails."""
    for part in path.split(".")[1:]:
        data = data[part]
    return data


def _is_present(path: str, data: Any) -> bool:
    try:
        _read(path, data)
    except KeyError:
        return False
    return True


def _put(path: str | None, data: Any, value: Any) -> Any:
    """The data with the value at the path, which has one name at most. None: as it was."""
    if path is None:
        return data
    if path == "$":
        return value
    return {**data, path.removeprefix("$."): value}
