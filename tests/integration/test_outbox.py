"""Events are committed with their change, and sent at least once, in order, by any number of relays."""

import json
from datetime import timedelta
from threading import Event as Signal, Thread
from uuid import uuid4

import psycopg
import pytest
from psycopg import Rollback

from online_kart.domain.events import OrderCancelled, OrderFinished
from online_kart.messaging import outbox, retention
from online_kart.messaging.bus import ENTRIES_MAX, EventBus
from online_kart.retention import prune
from tests.shop import events_of


class Recorder:
    """A bus that takes what it is given, but for the types in `refused`; says how often it was asked."""

    def __init__(self, *refused):
        self.refused = set(refused)
        self.entries = []
        self.calls = 0

    def put_events(self, *, Entries):
        self.calls += 1
        answers = []
        for entry in Entries:
            if entry["Detail"] in self.refused or entry["DetailType"] in self.refused:
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "Slow down."})
            else:
                self.entries.append(entry)
                answers.append({"EventId": str(uuid4())})
        return {"FailedEntryCount": sum("ErrorCode" in a for a in answers), "Entries": answers}


class LostAfterTaking(Recorder):
    """The process dies between the bus's taking and its answer."""

    def put_events(self, *, Entries):
        super().put_events(Entries=Entries)
        raise ConnectionError("gone")


class Waiting(Recorder):
    """Holds its first caller until it is let go."""

    def __init__(self):
        super().__init__()
        self.asked, self.let_go = Signal(), Signal()

    def put_events(self, *, Entries):
        self.asked.set()
        assert self.let_go.wait(10)
        return super().put_events(Entries=Entries)


class Strict(Recorder):
    """Answers a whole call with an error, as EventBridge does where one entry is malformed or too large."""

    def put_events(self, *, Entries):
        if any(entry["DetailType"] in self.refused for entry in Entries):
            self.calls += 1
            raise RefusedCall
        return super().put_events(Entries=Entries)


class RefusedCall(Exception):
    """As botocore's ClientError: it has the answer."""

    def __init__(self):
        self.response = {"Error": {"Code": "ValidationException"}}


def an_event(now):
    return OrderFinished(occurred_at=now, order_id=uuid4())


def send(conn, client, now, rounds_max=outbox.ROUNDS_MAX):
    return outbox.send_unsent(conn, EventBus(client, "kart"), "kart.inventory", now, rounds_max)


def ids_of(client):
    return [json.loads(entry["Detail"])["event_id"] for entry in client.entries]


def ids(events):
    return [str(event.event_id) for event in events]


def test_events_are_sent_in_order_with_source_type_and_time(inventory_db, now):
    events = [an_event(now) for _ in range(ENTRIES_MAX + 3)]
    outbox.append(inventory_db, *events)
    bus = Recorder()

    assert send(inventory_db, bus, now) == len(events)
    assert ids_of(bus) == ids(events)
    assert bus.calls == 2  # ten entries a call
    entry = bus.entries[0]
    assert (entry["Source"], entry["DetailType"]) == ("kart.inventory", "OrderFinished")
    assert (entry["EventBusName"], entry["Time"]) == ("kart", now)


def test_what_was_sent_is_not_sent_again(inventory_db, now):
    outbox.append(inventory_db, an_event(now))
    send(inventory_db, Recorder(), now)
    bus = Recorder()

    assert send(inventory_db, bus, now) == 0
    assert bus.calls == 0
    assert outbox.backlog(inventory_db, now).unsent_events == 0


def test_an_event_of_a_change_that_was_rolled_back_is_never_told(inventory_db, now):
    with inventory_db.transaction():
        outbox.append(inventory_db, an_event(now))
        raise Rollback

    assert send(inventory_db, Recorder(), now) == 0


def test_appending_an_event_twice_tells_it_once(inventory_db, now):
    event = an_event(now)
    outbox.append(inventory_db, event, event)
    outbox.append(inventory_db, event)

    assert len(events_of(inventory_db, "OrderFinished")) == 1


def test_appending_nothing_is_nothing(inventory_db, now):
    outbox.append(inventory_db)

    assert outbox.backlog(inventory_db, now).unsent_events == 0


def test_one_run_sends_a_bounded_number(inventory_db, now):
    outbox.append(inventory_db, *(an_event(now) for _ in range(outbox.BATCH_SIZE_MAX + 5)))

    assert send(inventory_db, Recorder(), now, rounds_max=1) == outbox.BATCH_SIZE_MAX
    assert send(inventory_db, Recorder(), now, rounds_max=1) == 5


def test_one_run_sends_all_there_is(inventory_db, now):
    outbox.append(inventory_db, *(an_event(now) for _ in range(2 * outbox.BATCH_SIZE_MAX + 5)))

    assert send(inventory_db, Recorder(), now) == 2 * outbox.BATCH_SIZE_MAX + 5


def test_an_entry_that_the_bus_refused_stays_and_is_tried_again(inventory_db, now):
    events = [an_event(now) for _ in range(3)]
    outbox.append(inventory_db, *events)
    refused = outbox_payload(inventory_db, events[1])

    assert send(inventory_db, Recorder(refused), now) == 2
    assert outbox.backlog(inventory_db, now).unsent_events == 1

    bus = Recorder()
    assert send(inventory_db, bus, now) == 1
    assert ids_of(bus) == [str(events[1].event_id)]


def test_what_is_left_is_measured_with_how_long_it_has_waited(inventory_db, now, capsys):
    outbox.append(inventory_db, an_event(now), an_event(now + timedelta(seconds=30)))

    send(inventory_db, Recorder(an_event(now).type), now + timedelta(seconds=90))
    left = json.loads(capsys.readouterr().out.splitlines()[-1])
    send(inventory_db, Recorder(), now + timedelta(seconds=91))
    sent = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert (left["unsent_events"], left["outbox_lag"]) == (2, 90)
    assert (sent["unsent_events"], sent["outbox_lag"]) == (0, 0)
    assert left["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["outbox"]]


@pytest.mark.parametrize("bus", [Recorder("OrderCancelled"), Strict("OrderCancelled")])
def test_events_that_the_bus_never_takes_hold_up_none_behind_them(inventory_db, now, bus):
    poison = [
        OrderCancelled(occurred_at=now, order_id=uuid4(), refund_paise=0)
        for _ in range(outbox.BATCH_SIZE_MAX + 1)
    ]
    good = [an_event(now) for _ in range(outbox.BATCH_SIZE_MAX + 1)]
    outbox.append(inventory_db, *poison, *good)

    assert send(inventory_db, bus, now) == len(good)
    assert ids_of(bus) == ids(good)
    assert outbox.backlog(inventory_db, now).unsent_events == len(poison)


def test_one_malformed_event_holds_up_none_of_its_call(inventory_db, now):
    before, behind = an_event(now), an_event(now)
    poison = OrderCancelled(occurred_at=now, order_id=uuid4(), refund_paise=0)
    outbox.append(inventory_db, before, poison, behind)
    bus = Strict("OrderCancelled")

    assert send(inventory_db, bus, now) == 2
    assert ids_of(bus) == ids([before, behind])


def outbox_payload(conn, event):
    row = conn.execute("SELECT payload FROM outbox WHERE event_id = %s", [event.event_id])
    return json.dumps(row.fetchone()[0])


def test_two_relays_share_the_work_and_neither_waits_for_the_other(
    inventory_db, inventory_dsn, now
):
    events = [an_event(now) for _ in range(outbox.BATCH_SIZE_MAX + 7)]
    outbox.append(inventory_db, *events)
    slow, quick = Waiting(), Recorder()

    def relay():
        with psycopg.connect(inventory_dsn, autocommit=True) as conn:
            send(conn, slow, now)

    thread = Thread(target=relay)
    thread.start()
    assert slow.asked.wait(10)
    try:
        assert send(inventory_db, quick, now) == 7  # what the slow one does not hold
    finally:
        slow.let_go.set()
        thread.join()

    assert sorted(ids_of(slow) + ids_of(quick)) == sorted(ids(events))
    assert outbox.backlog(inventory_db, now).unsent_events == 0


def test_a_crash_after_publishing_and_before_marking_sends_again(inventory_db, now):
    event = an_event(now)
    outbox.append(inventory_db, event)
    lost = LostAfterTaking()

    with pytest.raises(ConnectionError):
        send(inventory_db, lost, now)

    bus = Recorder()
    assert send(inventory_db, bus, now) == 1
    assert ids_of(lost) == ids_of(bus) == [str(event.event_id)]


def test_only_what_was_sent_long_ago_is_forgotten(inventory_db, now):
    old, unsent = an_event(now), an_event(now)
    outbox.append(inventory_db, old)
    send(inventory_db, Recorder(), now)
    outbox.append(inventory_db, unsent)

    later = now + retention.TOLD_FOR
    assert prune(inventory_db, [retention.OUTBOX], later) == {"outbox": 0}
    assert prune(inventory_db, [retention.OUTBOX], later + timedelta(days=1)) == {"outbox": 1}
    assert [e["event_id"] for e in events_of(inventory_db, "OrderFinished")] == ids([unsent])
