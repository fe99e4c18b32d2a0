"""EventBridge Scheduler in one process: each scheduled function on a thread of its own, run in time.

A minute is long on a laptop where a day may pass in ten seconds, so what production runs every few
minutes runs here every few seconds, and the relays every second. What production runs each hour or
day follows business time. A nudge runs a job at once, or right after the run under way: nudges that
come meanwhile are one. No job ever runs twice at the same time.
"""

import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from typing import Any

from online_kart.clock import Clock

from .lambdas import ACCOUNT, Lambdas

logger = logging.getLogger(__name__)

RELAY_SECONDS = 1.0
SWEEP_SECONDS = 3.0
SELDOM_SECONDS_MIN = 600.0
"""What production runs each hour or less often runs here no more often than this."""

A_DAY = timedelta(days=1)
UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": A_DAY}
OFTEN = timedelta(minutes=15)


class Jobs:
    """The scheduled functions: `schedules` maps each to its expression, `rate(1 minute)`."""

    def __init__(
        self,
        lambdas: Lambdas,
        schedules: Mapping[str, str],
        clock: Clock,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._jobs = {
            name: _Job(
                name, lambdas, partial(every_seconds, name, expression, clock, sweep_seconds)
            )
            for name, expression in schedules.items()
        }

    def start(self) -> None:
        for job in self._jobs.values():
            job.start()

    def nudge(self, name: str) -> bool:
        """Run the job now, without waiting for it. False if there is no such job."""
        job = self._jobs.get(name)
        if job is not None:
            job.nudge()
        return job is not None

    def failing(self) -> dict[str, str]:
        """The jobs whose last run failed, and how."""
        return {name: job.error for name, job in self._jobs.items() if job.error}

    def close(self) -> None:
        """Let the runs under way finish."""
        for job in self._jobs.values():
            job.close()


class _Job:
    def __init__(self, name: str, lambdas: Lambdas, every: Callable[[], float]) -> None:
        self._name, self._lambdas, self._every = name, lambdas, every
        self._nudged = Event()
        self._is_closed = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self.error = ""

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        self._nudged.set()

    def close(self) -> None:
        self._is_closed = True
        self._nudged.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._nudged.wait(self._every())
            self._nudged.clear()
            if self._is_closed:
                return
            answer = self._lambdas.invoke(self._name, json.dumps(scheduled_event(self._name)))
            self.error = answer.error if answer.is_error else ""


def every_seconds(name: str, expression: str, clock: Clock, sweep_seconds: float) -> float:
    """How long on the wall clock until the next run."""
    if name.startswith("relay_"):
        return RELAY_SECONDS
    period = period_of(expression)
    if period <= OFTEN:
        return sweep_seconds
    return max(SELDOM_SECONDS_MIN, clock.wall_duration_of(period).total_seconds())


def period_of(expression: str) -> timedelta:
    """Of `rate(5 minutes)`; what has another form, `cron(…)`, counts as daily."""
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    return int(match[1]) * UNITS[match[2]] if match else A_DAY


def scheduled_event(name: str) -> dict[str, Any]:
    """What EventBridge passes to a scheduled function."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": Clock().wall_now().isoformat(),
        "region": "local",
        "resources": [f"arn:aws:events:local:{ACCOUNT}:rule/{name}"],
        "detail": {},
    }
