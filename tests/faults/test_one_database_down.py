"""One of the two PostgreSQL servers is away, each in turn: no order is half there, and what was accepted is finished."""

import time
from typing import Any

import pytest

from local.reading import Stores
from tests.buyers import Buyer
from tests.faults.conftest import Network, Say
from tests.faults.customers import Http, broken_invariants, seconds_until_served
from tests.identity import SignedIn
from tests.workflows.conftest import Engine

BEFORE, DURING = 4, 6
SHORT_SECONDS, SECONDS = 3.0, 60.0


@pytest.fixture(
    params=[
        pytest.param(SHORT_SECONDS, id="short"),
        pytest.param(
            SECONDS, id="for_a_minute", marks=[pytest.mark.slow, pytest.mark.timeout(600)]
        ),
    ]
)
def away_seconds(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture
def retry_speed(away_seconds: float) -> float:
    """Production's, or so that what is tried again lasts longer than the short outage."""
    return 1.0 if away_seconds == SECONDS else 5.0


def fulfillment_centers(engine: Engine) -> Any:
    app: Any = engine.apps["fulfillment_app"].app
    return SignedIn(app).get("/fulfillment-centers")


def assert_says_try_again(answer: Any) -> None:
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["type"] == "urn:kart:problem:Unavailable"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("lost", ["customer", "inventory"])
def test_with_one_database_away_no_order_is_half_there_and_what_was_accepted_is_finished(
    away_seconds: float,
    faulty: Engine,
    network: Network,
    buyer: Buyer,
    lost: str,
    alarms: list[dict[str, Any]],
    say: Say,
):
    stores = Stores(buyer.market.conn, buyer.conn, buyer.market.documents)
    http = Http(faulty)
    faulty.aws.jobs.start()
    keys = [f"before-{number}" for number in range(BEFORE)]
    assert {http.place(buyer, key).status_code for key in keys} == {202}
    with getattr(network, lost).down():
        back_at = time.monotonic() + away_seconds
        answers = {key: http.place(buyer, key) for key in [f"during-{n}" for n in range(DURING)]}
        centers = fulfillment_centers(faulty)
        time.sleep(max(0.0, back_at - time.monotonic()))
        placed_meanwhile = stores.customer.execute("SELECT count(*) FROM orders").fetchone()

    if lost == "customer":
        assert placed_meanwhile == (BEFORE,), "Refused is not placed."
        assert centers.status_code == 200
        for answer in answers.values():
            assert_says_try_again(answer)
    else:
        assert {answer.status_code for answer in answers.values()} == {202}
        assert_says_try_again(centers)
    again = {key: http.place(buyer, key) for key in answers}
    assert {answer.status_code for answer in again.values()} == {202}
    drained_in = seconds_until_served(faulty, stores)

    say(f"{lost} database away for {away_seconds:.0f} s: all served {drained_in:.1f} s after")
    ordered = stores.customer.execute("SELECT idempotency_key FROM orders").fetchall()
    assert sorted(key for (key,) in ordered) == sorted([*keys, *answers])
    assert faulty.aws.queues.dead_letters() == []
    assert {alarm["alarm"] for alarm in alarms} <= {"OrderStuck", "RunLost"}
    assert broken_invariants(stores) == []
