"""Customers of a faulty system: they order over HTTP, and ask again until they are answered."""

import json
import time
from typing import Any
from uuid import UUID, uuid4

from local.invariants import check_all
from local.reading import Stores
from tests.buyers import Buyer
from tests.identity import SignedIn
from tests.workflows.conftest import Engine

WAIT_SECONDS_MAX = 200.0


class Http:
    """The customer app's routes, as a client meets them."""

    def __init__(self, engine: Engine) -> None:
        app: Any = engine.apps["customer_app"].app
        self._http = SignedIn(app)

    def place(self, buyer: Buyer, key: str) -> Any:
        body = {
            **buyer.address.model_dump(mode="json", include={"customer_id", "address_id"}),
            "lines": [{"sku": "MUG", "quantity": 1}],
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._http.post("/orders", headers=headers, body=json.dumps(body).encode())

    def cancel(self, order_id: UUID) -> Any:
        return self._http.post(f"/orders/{order_id}/cancellation", headers={}, body=b"")


def placed(engine: Engine, buyer: Buyer) -> UUID:
    """By a client that asks until it is answered."""
    http, key = Http(engine), str(uuid4())
    while (answer := http.place(buyer, key)).status_code != 202:
        assert answer.status_code == 503
    return UUID(answer.json_body["order_id"])


def broken_invariants(stores: Stores) -> list[str]:
    """All twelve, at rest."""
    return [
        f"{outcome.invariant} {violation.key}: {violation.detail}"
        for outcome in check_all(stores)
        for violation in outcome.violations
    ]


def statuses(stores: Stores) -> set[str]:
    return {row[0] for row in stores.customer.execute("SELECT status FROM orders").fetchall()}


def seconds_until_served(engine: Engine, stores: Stores) -> float:
    """Until every order is confirmed, with the jobs that the schedules run; and then at rest, without them."""
    began_at = time.monotonic()
    while statuses(stores) != {"confirmed"} or not engine.aws.is_quiet():
        assert time.monotonic() - began_at < WAIT_SECONDS_MAX, statuses(stores)
        time.sleep(0.1)
    seconds = time.monotonic() - began_at
    engine.aws.jobs.close()
    engine.settle()
    return seconds
