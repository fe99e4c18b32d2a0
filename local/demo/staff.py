"""The people who run the network: they scan batches that arrive, and hand packages over at the door."""

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from online_kart.clock import Clock

from ..errors import LocalError
from .client import App, Refused
from .journeys import SHOP_TIME_ZONE

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.25
SCANNERS = 4
ROUND_TAKES = timedelta(hours=6)
"""From out for delivery to the customer's door."""

FAILED_SHARE = 0.04
"""Of delivery attempts: nobody at home; the next attempt follows."""

FORBEARANCE = 20
"""How many rounds in a row may fail before the staff gives up: each was patient already (see client)."""


class Staff:
    """Works in a thread of its own until `stop`. `problem` is what it could not get over."""

    def __init__(
        self, app: App, clock: Clock, seed: int, failed_share: float = FAILED_SHARE
    ) -> None:
        self._app, self._clock, self._failed_share = app, clock, failed_share
        self._rng = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="staff", daemon=True)
        self.scanned = 0
        self.problem: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=60)

    def _work(self) -> None:
        failures = 0
        with ThreadPoolExecutor(SCANNERS) as pool:
            while not self._stopped.is_set():
                try:
                    self._scan_arrivals(pool)
                    self._deliver(pool)
                    failures = 0
                except (LocalError, KeyError) as error:
                    failures += 1
                    logger.warning("The staff stumbled: %s", error)
                    if failures >= FORBEARANCE:
                        self.problem = error
                        return
                time.sleep(LOOK_EVERY_SECONDS)

    def _scan_arrivals(self, pool: ThreadPoolExecutor) -> None:
        now = self._clock.now().isoformat()
        due = list(self._app.pages("/batches", status="in_transit", expected_before=now))
        list(pool.map(self._scan, due))

    def _scan(self, batch: dict[str, Any]) -> None:
        path = f"/batches/{batch['batch_id']}/arrivals"
        answer = self._app.send("POST", path, {})
        if answer.status_code < 300:
            self.scanned += 1
        elif answer.status_code not in (404, 409):  # another scan was faster
            raise Refused("POST", path, answer.status_code, answer.json())

    def _deliver(self, pool: ThreadPoolExecutor) -> None:
        """What went out long enough ago, and what is tried again on its day."""
        home_by = self._clock.now() - ROUND_TAKES
        today = self._clock.now().astimezone(SHOP_TIME_ZONE).date().isoformat()
        due = [
            (delivery, self._rng.random() < self._failed_share)
            for delivery in self._app.pages("/deliveries")
            if (
                delivery["status"] == "out"
                and datetime.fromisoformat(delivery["out_at"]) <= home_by
            )
            or (delivery["status"] == "failed" and delivery["expected_on"] <= today)
        ]
        list(pool.map(self._hand_over, due))

    def _hand_over(self, due: tuple[dict[str, Any], bool]) -> None:
        delivery, fails = due
        path = f"/deliveries/{delivery['package_id']}/outcomes"
        fails = fails and delivery["attempt"] == 1
        body = (
            {"outcome": "failed", "reason": "nobody at home", "attempt": 1}
            if fails
            else {"outcome": "delivered", "proof": "signed at the door"}
        )
        answer = self._app.send("POST", path, body)
        if answer.status_code >= 300 and answer.status_code not in (404, 409):
            raise Refused("POST", path, answer.status_code, answer.json())
