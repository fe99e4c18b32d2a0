"""Metrics, as one line of JSON each on standard output, in CloudWatch's embedded metric format.

On AWS a line becomes a value of its metric without a call; locally it stands in the log of the engine. CloudWatch wants
the wall clock's time in a line, which is why this module looks at it.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal, TextIO

from .logs import CORRELATION_ID, correlation_id

NAMESPACE = "OnlineKart"

Unit = Literal["Count", "Seconds"]


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Bare lines on what is the standard output at that moment: with a prefix CloudWatch finds no metric in them."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # looked up anew for each line
        return sys.stdout


logger = logging.getLogger(__name__)
logger.addHandler(_StandardOutput())
logger.setLevel(logging.INFO)
logger.propagate = False


def put(values: Mapping[str, tuple[float, Unit]], **dimensions: str) -> None:
    """Values of metrics by their names, measured at the same time."""
    logger.info(_line(values, dimensions, {}))


def count(name: str, dimensions: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """One more of something that somebody must hear of. `facts` are beside it in the line: JSON, or told as text."""
    logger.error(_line({name: (1, "Count")}, dimensions, facts))


def _line(
    values: Mapping[str, tuple[float, Unit]],
    dimensions: Mapping[str, str],
    facts: Mapping[str, Any],
) -> str:
    metric = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
    }
    emf = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [metric]}
    told = {name: value for name, (value, _) in values.items()}
    correlation = {CORRELATION_ID: id_} if (id_ := correlation_id()) else {}
    return json.dumps({"_aws": emf, **dimensions, **told, **correlation, **facts}, default=str)
