"""The document store is away, slow, or lost in the middle of a write: orders are taken, and served when it is back."""

import time
from typing import Any, NamedTuple

import pytest

from local.reading import Stores
from online_kart.documents import connection
from online_kart.settings import CustomerSettings, FulfillmentSettings
from tests.buyers import Buyer
from tests.faults.conftest import Network, Say
from tests.faults.customers import Http, broken_invariants, seconds_until_served, statuses
from tests.workflows.conftest import Engine

ORDERS = 12
DRAIN_SECONDS_MAX = 60.0


class Outage(NamedTuple):
    seconds: float
    answer_seconds: float
    """How long an answer takes, in the test of the slow store."""
    give_up_seconds: float
    """After which a client of the store gives up."""
    retry_speed: float


SHORT = Outage(3.0, 0.2, 0.3, 10.0)
AS_PROMISED = Outage(60.0, 2.0, connection.SELECT_SERVER_MS_MAX / 1000, 1.0)
"""With production's time-outs, retries, and patience with what is silent."""

PATIENCE = {
    f"KART_{name.upper()}": str(settings.model_fields[name].default)
    for settings, name in (
        (FulfillmentSettings, "run_lost_after_seconds"),
        (CustomerSettings, "order_stuck_after_seconds"),
    )
}


@pytest.fixture(
    params=[
        pytest.param(SHORT, id="short"),
        pytest.param(
            AS_PROMISED, id="as_promised", marks=[pytest.mark.slow, pytest.mark.timeout(600)]
        ),
    ]
)
def outage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Outage:
    outage: Outage = request.param
    for variable, value in PATIENCE.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(connection, "SELECT_SERVER_MS_MAX", int(outage.give_up_seconds * 1000))
    return outage


@pytest.fixture
def retry_speed(outage: Outage) -> float:
    return outage.retry_speed


@pytest.fixture
def stores(inventory_db: Any, customer_db: Any, documents: Any) -> Stores:
    return Stores(inventory_db, customer_db, documents)


def test_orders_are_accepted_while_the_document_store_is_away_and_served_when_it_is_back(
    outage: Outage,
    faulty: Engine,
    network: Network,
    buyer: Buyer,
    stores: Stores,
    alarms: list[dict[str, Any]],
    say: Say,
):
    faulty.aws.jobs.start()
    http = Http(faulty)
    with network.documents.down():
        back_at = time.monotonic() + outage.seconds
        accepted = [http.place(buyer, f"order-{number}") for number in range(ORDERS)]
        time.sleep(max(0.0, back_at - time.monotonic()))
        assert statuses(stores) == {"placed"}, "No order is rejected for what does not answer."

    drained_in = seconds_until_served(faulty, stores)

    say(
        f"away for {outage.seconds:.0f} s: {ORDERS} orders served {drained_in:.1f} s after it was back"
    )
    assert {answer.status_code for answer in accepted} == {202}
    assert faulty.aws.queues.dead_letters() == []
    assert alarms == []
    assert broken_invariants(stores) == []
    if outage is AS_PROMISED:
        assert drained_in <= DRAIN_SECONDS_MAX


def test_orders_are_served_by_a_document_store_that_is_slow(
    outage: Outage, faulty: Engine, network: Network, buyer: Buyer, stores: Stores, say: Say
):
    faulty.aws.jobs.start()
    began_at = time.monotonic()
    with network.documents.slow(outage.answer_seconds):
        accepted = [Http(faulty).place(buyer, f"order-{number}") for number in range(3)]
        accepted_in = time.monotonic() - began_at
        seconds_until_served(faulty, stores)
    served_in = time.monotonic() - began_at

    say(
        f"{outage.answer_seconds:.1f} s an answer: 3 orders accepted in {accepted_in:.1f} s, "
        f"served in {served_in:.1f} s"
    )
    assert {answer.status_code for answer in accepted} == {202}
    assert faulty.aws.queues.dead_letters() == []
    assert broken_invariants(stores) == []
