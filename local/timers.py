"""Alarms at a time, all on one thread: hundreds of waiting executions need no thread each for it."""

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread


class Timers:
    """Calls functions when their time has come, one after the other. They must be quick."""

    def __init__(self) -> None:
        self._alarms: dict[int, Callable[[], None]] = {}
        # (time, number) of every alarm that lives, and of some that don't: see _compact().
        self._times: list[tuple[float, int]] = []
        self._numbers = itertools.count()
        self._changed = Condition()
        self._is_closed = False
        Thread(target=self._run, name="timers", daemon=True).start()

    @contextmanager
    def after(self, seconds: float, alarm: Callable[[], None]) -> Iterator[None]:
        """Call `alarm` if the block takes longer than `seconds`."""
        number = next(self._numbers)
        with self._changed:
            self._alarms[number] = alarm
            heapq.heappush(self._times, (time.monotonic() + seconds, number))
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._alarms.pop(number, None)
                self._compact()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _run(self) -> None:
        while (alarm := self._next_due()) is not None:
            alarm()

    def _next_due(self) -> Callable[[], None] | None:
        """Wait for the next alarm and take it. None when closed."""
        with self._changed:
            while not self._is_closed:
                wait_seconds = self._times[0][0] - time.monotonic() if self._times else None
                if wait_seconds is None or wait_seconds > 0:
                    self._changed.wait(wait_seconds)
                elif alarm := self._alarms.pop(heapq.heappop(self._times)[1], None):
                    return alarm
        return None

    def _compact(self) -> None:
        """Forget the times of dead alarms once they are the most."""
        if len(self._times) > 2 * len(self._alarms) + 64:
            self._times = [entry for entry in self._times if entry[1] in self._alarms]
            heapq.heapify(self._times)
