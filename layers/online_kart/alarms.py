"""Alarms: what somebody must hear of, each a count of the metric `alarms` by the alarm's name (see `metrics`).

An alarm is raised where something was given up or has to be done again: what is merely tried again within a step tells
nobody.
"""

from typing import Any

from . import metrics

ALARMS: dict[str, str] = {
    "DeadLetter": "A message failed on its last try: mend its cause, then replay the dead letters.",
    "EventRefused": "The bus does not take an event, which stays unsent in the outbox: mend it there.",
    "OrderStuck": "An order was neither served nor cancelled in time; it is told of again.",
    "RunFailed": "A run of a state machine failed; its error says what was undone.",
    "RunGivenUp": "A run was lost or failed too often to be started again: it needs a person.",
    "RunLost": "A run vanished, or failed and must not; its next revision was started.",
}
"""Every alarm there is → what it says, and what to do. On AWS `DeadLetter` is the depth of the dead-letter queue instead."""


def raise_alarm(name: str, **facts: Any) -> None:
    """Write the line of one of ALARMS. `facts` are what a person needs to find the thing; JSON, or told as text."""
    assert name in ALARMS, f"{name} is not in the list of alarms."
    metrics.count("alarms", {"alarm": name}, {"says": ALARMS[name], **facts})
