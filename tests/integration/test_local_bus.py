"""The local bus and its queues: at least once, to each who hears it, also after a kill -9."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from uuid import uuid4

import boto3
import pytest

from local.aws import local_aws
from local.bus import (
    ENTRIES_BYTES_MAX,
    EntriesTooLarge,
    LocalBus,
    QueueReaders,
    Subscription,
)
from local.lambdas import Lambdas
from local.queues import RECEIVE_COUNT_MAX, Queues
from online_kart.clock import Clock
from online_kart.messaging.bus import EventBus

REGION = "ap-south-1"
NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
RULES = {
    "start_run": ("OrderPlaced", "CancellationRequested"),
    "log_orders": ("OrderPlaced", "OrderConfirmed"),
}


def entry(type_="CancellationRequested", **detail):
    return {"Source": "kart.customer", "DetailType": type_, "Detail": json.dumps(detail)}


@pytest.fixture
def queues_file(tmp_path):
    return tmp_path / "queues.sqlite"


@pytest.fixture
def queues(queues_file):
    queues = Queues(queues_file)
    yield queues
    queues.close()
    queues.close_file()


@pytest.fixture
def bus(queues):
    return LocalBus(queues, region=REGION, rules=RULES)


@pytest.fixture
def quick_retries(monkeypatch):
    monkeypatch.setattr("local.queues.RETRY_SECONDS", (0.01,) * (RECEIVE_COUNT_MAX - 1))


@pytest.fixture
def listen(queues):
    """Lets a function read a queue until the test ends."""
    opened = []

    def start(handler, queue="kart-start-run", batch_size=10):
        lambdas = Lambdas({"listener": handler})
        subscription = Subscription(queue, "listener", batch_size)
        opened.append((QueueReaders(queues, lambdas, [subscription], region=REGION), lambdas))

    yield start
    queues.close()
    for readers, lambdas in opened:
        readers.close()
        lambdas.close()


def wait_until(condition, seconds=5.0):
    gives_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < gives_up_at, "It did not come true."
        time.sleep(0.005)


def test_each_consumer_that_hears_the_type_gets_the_event(bus, queues):
    (answer,) = bus.put_events([entry("OrderPlaced", order_id="o-1")])

    (heard,) = queues.take("kart-start-run", 10)
    (also_heard,) = queues.take("kart-log-orders", 10)
    envelope = json.loads(heard.body)
    assert envelope == json.loads(also_heard.body)
    assert envelope["id"] == answer["EventId"]
    assert envelope["detail-type"] == "OrderPlaced"
    assert envelope["source"] == "kart.customer"
    assert envelope["detail"] == {"order_id": "o-1"}


def test_an_event_nobody_hears_is_taken_and_gone(bus, queues):
    (answer,) = bus.put_events([entry("Nothing")])

    assert "EventId" in answer
    assert queues.unhandled_count() == 0


def test_what_is_malformed_is_refused_and_the_rest_is_taken(bus, queues):
    good, bad, empty = bus.put_events(
        [entry(n=1), entry() | {"Detail": "{"}, entry() | {"Source": ""}]
    )

    assert "EventId" in good
    assert bad["ErrorCode"] == "MalformedDetail"
    assert empty["ErrorCode"] == "InvalidArgument"
    assert len(queues.take("kart-start-run", 10)) == 1


def test_the_relays_client_takes_the_local_bus_for_eventbridge(bus):
    class Client:
        def put_events(self, *, Entries):
            return {"Entries": bus.put_events(Entries)}

    ids = [uuid4() for _ in range(25)]
    rows = [(id_, "OrderPlaced", {"event_id": str(id_)}, NOW) for id_ in ids]

    assert EventBus(Client(), "kart").publish("kart.customer", rows) == ids


def test_a_function_gets_what_chalice_makes_of_sqs(bus, listen, queues):
    events = []
    listen(lambda event, context: events.append(event))

    bus.put_events([entry(order_id="o-1")])

    wait_until(lambda: queues.unhandled_count() == 0)
    (record,) = events[0]["Records"]
    assert json.loads(record["body"])["detail"] == {"order_id": "o-1"}
    assert record["eventSourceARN"].endswith(":kart-start-run")
    assert record["attributes"] == {"ApproximateReceiveCount": "1"}


def test_messages_that_wait_come_in_batches(bus, listen, queues):
    sizes = []
    for number in range(3):
        bus.put_events([entry(number=number, part=part) for part in range(10)])

    listen(lambda event, context: sizes.append(len(event["Records"])), batch_size=7)

    wait_until(lambda: queues.unhandled_count() == 0)
    assert sum(sizes) == 30
    assert max(sizes) == 7


@pytest.mark.usefixtures("quick_retries")
def test_only_what_a_function_reports_as_failed_comes_again(bus, listen, queues):
    heard: list[int] = []

    def fail_odd_ones_once(event, context):
        numbers = {r["messageId"]: json.loads(r["body"])["detail"]["n"] for r in event["Records"]}
        failed = [id_ for id_, n in numbers.items() if n % 2 and n not in heard]
        heard.extend(numbers.values())
        return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}

    bus.put_events([entry(n=n) for n in range(6)])
    listen(fail_odd_ones_once)

    wait_until(lambda: queues.unhandled_count() == 0)
    assert sorted(heard) == [0, 1, 1, 2, 3, 3, 4, 5, 5]


@pytest.mark.usefixtures("quick_retries")
def test_what_always_fails_is_buried_with_its_error_and_holds_up_nothing(bus, listen, queues):
    tries = []

    def refuse(event, context):
        number = json.loads(event["Records"][0]["body"])["detail"]["n"]
        tries.append(number)
        if number == 13:
            raise LookupError("nobody knows 13")

    listen(refuse, batch_size=1)
    bus.put_events([entry(n=13), entry(n=14)])

    wait_until(lambda: queues.unhandled_count() == 0)
    (letter,) = queues.dead_letters()
    assert tries.count(13) == RECEIVE_COUNT_MAX
    assert tries.count(14) == 1
    assert letter.error == "LookupError: nobody knows 13"
    assert json.loads(letter.body)["detail"] == {"n": 13}


@pytest.mark.usefixtures("quick_retries")
def test_dead_letters_can_be_delivered_once_more(bus, listen, queues):
    is_broken = [True]
    heard = []

    def handle(event, context):
        if is_broken:
            raise ConnectionError("the database is away")
        heard.append(event)

    listen(handle)
    bus.put_events([entry(n=1)])
    wait_until(lambda: queues.dead_letters() != [])
    is_broken.clear()

    assert queues.redrive() == 1

    wait_until(lambda: len(heard) == 1)
    assert queues.dead_letters() == []


def test_between_tries_a_message_is_not_delivered(bus, queues, monkeypatch):
    monkeypatch.setattr("local.queues.RETRY_SECONDS", (0.2,) * 4)
    bus.put_events([entry(n=1)])
    first = queues.take("kart-start-run", 10)
    failed_at = time.monotonic()

    queues.failed(first, "not yet")

    (again,) = queues.take("kart-start-run", 10)
    assert time.monotonic() - failed_at >= 0.2 * 0.7
    assert again.receive_count == 1


def test_after_a_restart_what_was_not_handled_comes_again_with_its_tries(queues_file):
    queues = Queues(queues_file)
    LocalBus(queues, region=REGION, rules=RULES).put_events([entry(n=n) for n in range(4)])
    taken = queues.take("kart-start-run", 10)
    queues.done(taken[:1])
    queues.failed(taken[1:2], "not yet")
    queues.close()
    queues.close_file()  # two were in flight

    queues = Queues(queues_file)
    again = queues.take("kart-start-run", 10)
    queues.close_file()

    numbers = {json.loads(m.body)["detail"]["n"]: m.receive_count for m in again}
    assert numbers == {1: 1, 2: 0, 3: 0}


KILLED = """
import json, sys
from pathlib import Path
from local.bus import LocalBus
from local.queues import Queues

bus = LocalBus(Queues(Path(sys.argv[1])), region="ap-south-1", rules={"start_run": ("OrderPlaced",)})
for n in range(100_000):
    bus.put_events([{"Source": "test", "DetailType": "OrderPlaced", "Detail": json.dumps({"n": n})}])
    print(n, flush=True)
"""


def test_no_event_that_the_bus_has_taken_is_lost_by_a_kill(queues_file):
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, queues_file], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if int(line) == 40:
                    process.kill()
                    break
            taken = 40 + sum(1 for line in process.stdout if line.endswith("\n"))
        queues = Queues(queues_file)
        kept = {json.loads(m.body)["detail"]["n"]: m for m in queues.take("kart-start-run", 10**6)}
        queues.done(kept.values())
        queues.close_file()

        assert set(range(taken + 1)) <= set(kept)


def test_an_event_reaches_its_function_within_milliseconds(bus, listen, queues):
    waits = []
    listen(lambda event, context: waits.append(time.monotonic()))
    for _ in range(20):
        sent_at = time.monotonic()
        bus.put_events([entry(n=1)])
        wait_until(lambda: queues.unhandled_count() == 0)
        waits[-1] -= sent_at

    assert sorted(waits)[len(waits) // 2] < 0.05


def test_boto3s_put_events_fills_the_queues(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    queues_file = tmp_path / "queues.sqlite"
    with local_aws({}, queues_file, region=REGION, clock=Clock(), definitions=tmp_path) as aws:
        client = boto3.client("events", region_name=REGION)

        answer = client.put_events(
            Entries=[entry(n=1) | {"EventBusName": "kart", "Time": NOW}, entry() | {"Detail": "{"}]
        )

        assert answer["FailedEntryCount"] == 1
        assert answer["Entries"][1]["ErrorCode"] == "MalformedDetail"
        (message,) = aws.queues.take("kart-start-run", 10)
        assert json.loads(message.body)["time"] == "2026-03-02T04:30:00Z"


def test_a_call_with_more_than_the_bus_takes_is_refused_as_a_whole(bus, queues):
    with pytest.raises(EntriesTooLarge):
        bus.put_events([entry(n=1), entry(blob="x" * ENTRIES_BYTES_MAX)])

    assert queues.unhandled_count() == 0
