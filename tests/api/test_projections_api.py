"""How far copies are behind, as staff see it, and as metrics that alarms can be made of."""

import json
from datetime import datetime, timedelta
from operator import itemgetter

import pytest

from fulfillment_app.chalicelib.services import projections
from local.reading import Stores
from online_kart.domain.principals import Role
from online_kart.messaging.consumer import Envelope, handle_each
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides
from tests.identity import staff


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


def seen(client):
    return {each["name"]: each for each in client.get("/projections").json_body["projections"]}


def test_staff_see_what_each_copy_has_still_to_take_and_since_when(
    fulfillment, customer, sides, documents
):
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 1))
    sides.hand_over(package_id)
    sides.tell()
    auditor = fulfillment.signed_in(staff("fulfillment_app", Role.AUDITOR))
    assert seen(auditor)["log_orders"]["waiting_count"] == 0
    heard = seen(customer)
    assert heard["track_packages"]["last_heard_at"] is not None
    assert heard["track_returns"]["last_heard_at"] is None

    lost = min(documents.order_log.find({"what": "PackageChanged"}), key=itemgetter("at"))
    documents.order_log.delete_one({"_id": lost["_id"]})
    sides.deliver(package_id)
    behind = seen(auditor)
    assert behind["log_orders"]["waiting_count"] == 1
    by_now = datetime.fromisoformat(fulfillment.get("/ready").json_body["now"]) - lost["at"]
    assert 0 < behind["log_orders"]["behind_seconds"] <= by_now.total_seconds()
    assert behind["sales totals"]["waiting_count"] == 3
    assert behind["outbox"]["behind_seconds"] == 0


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]


def test_the_job_measures_each_copy_and_the_packages_that_are_late(sides, capsys):
    late, _ = (sides.confirmed(sides.buyer(to), ("MUG", 1)) for to in (FAR, NEIGHBOUR))
    stores = sides.stores
    stores.inventory.execute(
        "UPDATE packages SET promise_date = %s WHERE package_id = %s",
        [sides.market.now.date() - timedelta(days=1), late],
    )
    capsys.readouterr()

    measured = projections.measure(stores.inventory, stores.documents, sides.market.now)

    assert measured["packages_late"] == 1
    lines = lines_of(capsys)
    assert [line["packages_late"] for line in lines if "packages_late" in line] == [1]
    names = {line["projection"] for line in lines if "projection" in line}
    assert {"outbox", "availability", "route tables", "log_orders"} <= names


def test_how_long_the_slowest_event_took_to_its_consumer_is_a_metric(now, capsys):
    handled: list[Envelope] = []
    told = [now - timedelta(seconds=seconds) for seconds in (5, 90, 7)]
    records = [Record(str(number), at) for number, at in enumerate(told)]

    handle_each(records, handled.append, ("track_packages", now))

    assert len(handled) == 3
    (line,) = lines_of(capsys)
    assert (line["consumer"], line["event_lag"]) == ("track_packages", 90)


class Record:
    """As Chalice has one of SQS."""

    def __init__(self, message_id, at):
        id_ = f"00000000-0000-4000-8000-00000000000{message_id}"
        self.body = json.dumps(
            {"detail-type": "X", "time": at.isoformat(), "detail": {"event_id": id_}}
        )
        self._id = message_id

    def to_dict(self):
        return {"messageId": self._id}
