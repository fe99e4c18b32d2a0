"""Consumers' batches and nudges: what fails is told, and holds up nothing else."""

import json
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from online_kart.domain.errors import Unavailable
from online_kart.domain.events import EDITION, OrderFinished
from online_kart.messaging.consumer import UNAVAILABLE_MAX, Envelope, handle_each, open_envelope
from online_kart.messaging.published import HEARD_TOO
from online_kart.messaging.relay import nudge
from online_kart.messaging.rules import queue_of


def a_message(**detail):
    return {
        "id": str(uuid4()),
        "detail-type": "OrderFinished",
        "time": "2026-03-02T04:30:00Z",
        "detail": detail,
    }


def a_record(message_id, body):
    return SimpleNamespace(body=body, to_dict=lambda: {"messageId": message_id})


def test_our_events_are_known_by_their_own_id_however_often_they_are_published():
    event_id = uuid4()

    first, again = (open_envelope(json.dumps(a_message(event_id=str(event_id)))) for _ in range(2))

    assert first == again
    assert (first.id, first.type) == (event_id, "OrderFinished")
    assert first.time.isoformat() == "2026-03-02T04:30:00+00:00"


def test_events_of_aws_are_known_by_the_bus_s_id():
    message = a_message(status="FAILED")

    assert open_envelope(json.dumps(message)).id == UUID(message["id"])


def test_one_bad_event_of_a_batch_is_told_and_the_others_are_handled(caplog):
    good = json.dumps(a_message(order="good"))
    handled = []

    def handle(envelope):
        if envelope.detail["order"] == "bad":
            raise ValueError
        handled.append(envelope)

    records = [
        a_record("1", good),
        a_record("2", json.dumps(a_message(order="bad"))),
        a_record("3", "not json"),
        a_record("4", good),
    ]

    assert handle_each(records, handle) == {
        "batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]
    }
    assert len(handled) == 2
    assert len(caplog.records) == 2


def test_a_batch_that_was_handled_reports_no_failure():
    assert handle_each([], lambda envelope: None) == {"batchItemFailures": []}


class Lambda:
    def __init__(self, error=None):
        self.error, self.invoked = error, []

    def invoke(self, *, FunctionName, InvocationType):
        if self.error:
            raise self.error
        self.invoked.append((FunctionName, InvocationType))
        return {"StatusCode": 202}


def test_a_nudge_asks_the_relay_to_run_and_does_not_wait():
    client = Lambda()

    nudge(client, "relay_customer_outbox")

    assert client.invoked == [("relay_customer_outbox", "Event")]


def test_a_nudge_that_fails_is_logged_and_forgotten(caplog):
    nudge(Lambda(ConnectionError("throttled")), "relay_customer_outbox")

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(("client", "function"), [(None, "relay"), (Lambda(), "")])
def test_where_there_is_no_relay_nobody_is_nudged(client, function):
    nudge(client, function)

    assert client is None or client.invoked == []


def test_a_queue_is_named_after_its_consumer():
    assert queue_of("start_run") == "kart-start-run"


def test_an_event_of_an_edition_that_is_not_known_is_told_as_failed_and_not_guessed_at():
    handled: list[Envelope] = []
    records = [
        a_record("1", json.dumps(a_message(edition=2))),
        a_record("2", json.dumps(a_message(edition=EDITION))),
        a_record("3", json.dumps(a_message())),
    ]

    assert handle_each(records, handled.append) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert len(handled) == 2


def test_the_edition_of_one_event_is_raised_and_all_others_stay_as_they_are(monkeypatch):
    monkeypatch.setitem(HEARD_TOO, "OrderFinished", frozenset({2}))
    handled: list[Envelope] = []
    records = [
        a_record("1", json.dumps(a_message(edition=2))),
        a_record("2", json.dumps(a_message())),
        a_record("3", json.dumps(a_message(edition=3))),
        a_record("4", json.dumps({**a_message(edition=2), "detail-type": "OrderPlaced"})),
        a_record("5", json.dumps({**a_message(), "detail-type": "OrderPlaced"})),
    ]

    failed = handle_each(records, handled.append)["batchItemFailures"]

    assert [failure["itemIdentifier"] for failure in failed] == ["3", "4"]
    assert [(each.type, each.detail.get("edition")) for each in handled] == [
        ("OrderFinished", 2),
        ("OrderFinished", None),
        ("OrderPlaced", None),
    ]


def test_a_field_that_came_to_an_edition_later_is_passed_over_and_one_that_is_missing_is_not():
    finished = OrderFinished(occurred_at="2026-03-02T04:30:00Z", order_id=uuid4(), version=3)
    detail = finished.model_dump(mode="json")

    assert OrderFinished.read({**detail, "of_tomorrow": {"x": 1}}) == finished
    with pytest.raises(ValidationError):
        OrderFinished.read({**detail, "order_id": None})


def test_what_does_not_answer_is_not_asked_for_each_event_of_a_batch():
    asked = []

    def handle(envelope):
        asked.append(envelope)
        raise Unavailable("no answer")

    records = [a_record(str(n), json.dumps(a_message())) for n in range(10)]

    failures = handle_each(records, handle)["batchItemFailures"]

    assert [failure["itemIdentifier"] for failure in failures] == [str(n) for n in range(10)]
    assert len(asked) == UNAVAILABLE_MAX
