"""Alarms: what somebody must hear of, as one line of JSON each on standard output.

The lines have CloudWatch's embedded metric format, so on AWS each becomes a count of the metric `alarms`, by the alarm's
name, without a call and without a library; locally they stand in the log of the engine. An alarm is raised where
something was given up or has to be done again: what is merely tried again within a step tells nobody.

CloudWatch wants the wall clock's time in a line, which is why this module looks at it.
"""

import json
import logging
import sys
import time
from typing import Any, TextIO

NAMESPACE = "OnlineKart"

ALARMS: dict[str, str] = {
    "DeadLetter": "A message failed on its last try: mend its cause, then replay the dead letters.",
    "EventRefused": "The bus does not take an event, which stays unsent in the outbox: mend it there.",
    "OrderStuck": "An order was neither served nor cancelled in time; it is told of again.",
    "RunFailed": "A run of a state machine failed; its error says what was undone.",
    "RunGivenUp": "A run was lost or failed too often to be started again: it needs a person.",
    "RunLost": "A run vanished, or failed and must not; its next revision was started.",
}
"""Every alarm there is → what it says, and what to do. On AWS `DeadLetter` is the depth of the dead-letter queue instead."""


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Bare lines on what is the standard output at that moment: with a prefix CloudWatch finds no metric in them."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # looked up anew for each line
        return sys.stdout


logger = logging.getLogger(__name__)
logger.addHandler(_StandardOutput())
logger.propagate = False


def raise_alarm(name: str, **facts: Any) -> None:
    """Write the line of one of ALARMS. `facts` are what a person needs to find the thing; JSON, or told as text."""
    assert name in ALARMS, f"{name} is not in the list of alarms."
    logger.error(json.dumps(_line(name, facts), default=str))


def _line(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "Dimensions": [["alarm"]],
        "Metrics": [{"Name": "alarms", "Unit": "Count"}],
    }
    emf = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [metric]}
    return {"_aws": emf, "alarm": name, "alarms": 1, "says": ALARMS[name], **facts}
