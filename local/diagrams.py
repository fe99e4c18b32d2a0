"""Draws the state machines: `python -m local.diagrams` writes `statemachines/README.md` from their definitions.

What undoes a step is not in a definition, which only says what comes next; it is here, and a test sees that no step lacks
it. Mermaid's flowcharts are what code hosts draw without a plug-in.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from online_kart.messaging.machines import MACHINES

from .apps import ROOT, load_apps
from .step_functions import SUFFIX, snake_case

DEFINITIONS = ROOT / "statemachines"
README = DEFINITIONS / "README.md"

UNDONE_BY: dict[str, dict[str, str]] = {
    "place_order": {
        "ReserveStock": "`ReleaseStock`",
        "PlanPackages": "`DiscardPackages`",
        "ConfirmOrder": "nothing: from here on the order stands, and only `cancel_order` takes it back",
        "RejectOrder": "nothing: it decides that the others are undone",
        "DiscardPackages": "is itself a compensation",
        "ReleaseStock": "is itself a compensation",
    },
    "cancel_order": {
        "BeginCancellation": "reads only",
        "RecallPackages": "nothing: what was taken back stays back",
        "ReleaseStock": "nothing: the units are free again",
        "FinishCancellation": "nothing: the order has ended",
        "RefuseCancellation": "nothing: the order goes on as it was",
    },
    "rebuild_routes": {
        "SnapshotNetwork": "`FailBuild`; the snapshot is of this version alone",
        "BuildTables": "`FailBuild`; tables of a version that is not in force are read by nobody, and pruned",
        "PublishVersion": "the next version: one document says which is in force",
        "ReplanPackages": "nothing: each path is good by itself",
        "FailBuild": "the next run of the same version",
    },
    "move_batch": {
        "CloseBatch": "nothing: each step only goes on",
        "DepartBatch": "nothing: a truck does not turn round",
        "CheckArrival": "reads only",
        "AlertLate": "nothing: people were told",
        "ForwardPackage": "nothing: the package is in its next batch, or on its last mile",
        "FinishBatch": "nothing: the batch is in the history",
    },
    "receive_shipment": {
        "CountUnits": "reads only",
        "AddToStock": "nothing: the units are there; a person adjusts what was counted wrong",
        "CloseAsn": "nothing: the announcement is in its log",
    },
    "reconcile": {
        "CompareInventory": "nothing: what it lays out is overwritten by a repeat, and forgotten at the end",
        "CompareCustomer": "nothing: the same",
        "ReportDifferences": "nothing: the report stays",
        "RepairCustomer": "nothing: a repair is as true as its source",
        "RepairDifferences": "nothing: the same",
        "FailReconciliation": "nothing: a person asks for another one",
    },
}
"""Machine → step → what undoes it, or why nothing does."""

INTRODUCTION = """\
# State machines

Written by `python -m local.diagrams` from the definitions beside it; don't edit.

A state machine carries a change over several databases, step by step: each step is one Lambda function and one transaction,
named alike (state `ReserveStock`, substitution `${ReserveStock}`, function `reserve_stock`). Three rules make that safe.

- **A step may run twice**, late, or at the same time as itself: it is keyed by the business id, and a repeat answers as the
  first time did. So does a step that undoes another, also where that one never ran: what comes late is refused.
- **A step lets expected errors out by class name**; the machine catches by that name. Throttling and lost connections are
  retried with backoff and jitter, a bounded number of times.
- **A run is named `<business id>-<revision>`** and noted in our table `runs` before it starts. One that vanishes is found
  by a sweep and started again as the next revision.

What this gives up: for a moment the databases disagree. Each is always right by itself, and whoever looks sees an order that
is `placed`, or a batch that is `closed`: states that say that somebody is at work.

In the pictures, rounded boxes are steps, diamonds are choices, dashed arrows are errors; `any error` is every error that is
not named beside it.
"""

State = Mapping[str, Any]


def definition(machine: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((DEFINITIONS / f"{machine}{SUFFIX}").read_text())
    return parsed


def all_states(machine: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """Every state by its name, those inside a Map as well."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from all_states(state["ItemProcessor"])


def steps(machine: Mapping[str, Any]) -> list[str]:
    return [name for name, state in all_states(machine) if state["Type"] == "Task"]


def readme() -> str:
    """All machines, each as a picture and as a table of its steps."""
    app_of = {function: name for name, app in load_apps().items() for function in app.functions}
    return "\n".join([INTRODUCTION, *(_section(machine, app_of) for machine in MACHINES)])


def _section(machine: str, app_of: Mapping[str, str]) -> str:
    defined = definition(machine)
    rows = [
        f"| `{step}` | `{snake_case(step)}` | {app_of[snake_case(step)]} | {UNDONE_BY[machine][step]} |"
        for step in steps(defined)
    ]
    return "\n".join(
        [
            f"## {machine} ({MACHINES[machine].capitalize()})",
            "",
            defined["Comment"],
            "",
            "```mermaid",
            "flowchart TD",
            *_picture(defined),
            "```",
            "",
            "| step | function | app | undone by |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _picture(defined: Mapping[str, Any]) -> Iterator[str]:
    yield f'    Start((" ")) --> {defined["StartAt"]}'
    for name, state in defined["States"].items():
        yield f"    {name}{_shape(name, state)}"
    for name, state in defined["States"].items():
        for arrow, label, target in _arrows(state):
            yield (
                f'    {name} {arrow}|"{label}"| {target}'
                if label
                else f"    {name} {arrow} {target}"
            )


def _shape(name: str, state: State) -> str:
    label = _label(name, state)
    match state["Type"]:
        case "Choice":
            return f'{{"{label}"}}'
        case "Wait":
            return f'[/"{label}"/]'
        case "Succeed":
            return f'(["{label}"])'
        case "Fail":
            return f'[["{label}"]]'
        case _:
            return f'("{label}")'


def _label(name: str, state: State) -> str:
    """In words, but for steps, which are called as they are."""
    if state["Type"] == "Task":
        return name
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
    if state["Type"] == "Map":
        return f"{words}:<br/>{', '.join(state['ItemProcessor']['States'])} for each"
    return f"{words}?" if state["Type"] == "Choice" else words


def _arrows(state: State) -> Iterator[tuple[str, str, str]]:
    """(arrow, label, target)"""
    if "Next" in state:
        yield "-->", "", state["Next"]
    for rule in state.get("Choices", ()):
        yield "-->", _condition(rule), rule["Next"]
    if "Default" in state:
        yield "-->", "otherwise", state["Default"]
    for catch in state.get("Catch", ()):
        named = [name for name in catch["ErrorEquals"] if name != "States.ALL"]
        yield "-.->", "<br/>".join(named) or "any error", catch["Next"]


def _condition(rule: Mapping[str, Any]) -> str:
    variable = str(rule["Variable"]).rpartition(".")[2]
    operator, value = next(
        (key, value) for key, value in rule.items() if key not in ("Variable", "Next")
    )
    if operator == "IsPresent":
        return variable if value else f"no {variable}"
    if isinstance(value, bool):
        return variable if value else f"not {variable}"
    return f"{variable} is {value}"


def main() -> None:
    README.write_text(readme())
    print(f"Wrote {README.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
