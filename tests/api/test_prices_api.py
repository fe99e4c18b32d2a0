"""Prices that start later: set, seen, begun by the job at their time, or taken back before."""

from datetime import timedelta

import pytest

from local.apps import load_app
from local.clock import ClockFile
from local.jobs import scheduled_event
from seller_app.chalicelib.services import prices
from tests.api.test_seller_api import UNKNOWN, all_pages, is_problem, wrong_fields
from tests.integration.test_seller_projections import price_events
from tests.shop import an_approved_seller, events_of, put_item

JOB = "start_coming_prices"


@pytest.fixture
def item(inventory_db, now):
    """Of an approved seller, at 49,900 paise."""
    seller_id = an_approved_seller(inventory_db, now).seller_id
    put_item(inventory_db, seller_id, "MUG", now)
    return f"/sellers/{seller_id}/items/MUG"


@pytest.fixture
def at(tmp_path, now):
    """Lets it be so long after the test's moment."""

    def set_clock(later):
        clock_file = ClockFile(tmp_path)
        clock_file.path.unlink()  # or it would go on from where it stands
        clock_file.anchor(1.0, starts_at=now + later)

    return set_clock


def run_job():
    return load_app("seller_app").functions[JOB](scheduled_event(JOB), None)


def coming(now, hours, price_paise):
    return {"price_paise": price_paise, "starts_at": (now + timedelta(hours=hours)).isoformat()}


def price_of(client, item):
    return client.get(item).json_body["price_paise"]


def test_a_price_starts_at_its_time_and_not_before(seller, item, now, at):
    answer = seller.post(f"{item}/coming-prices", coming(now, 2, 39_900))
    assert answer.status_code == 201
    assert seller.get(answer.headers["Location"]).json_body == answer.json_body
    assert seller.get(item).json_body["coming_prices"] == [answer.json_body]

    at(timedelta(minutes=119))
    assert (run_job(), price_of(seller, item)) == ({"started": 0}, 49_900)
    at(timedelta(minutes=120))
    assert (run_job(), price_of(seller, item)) == ({"started": 1}, 39_900)
    assert run_job() == {"started": 0}
    started = seller.get(answer.headers["Location"]).json_body
    assert (started["status"], bool(started["ended_at"])) == ("started", True)
    assert seller.get(item).json_body["coming_prices"] == []


def test_the_log_says_who_set_a_price_that_has_started_and_when(
    seller, item, inventory_db, documents, now, at
):
    seller.post(f"{item}/coming-prices", coming(now, 2, 39_900))
    at(timedelta(hours=2))
    run_job()
    for envelope in price_events(inventory_db):
        prices.log_change(documents, envelope)

    newest = seller.get(f"{item}/prices").json_body["items"][0]
    assert (newest["old_price_paise"], newest["new_price_paise"]) == (49_900, 39_900)
    assert newest["changed_by"] == "staff admin"
    assert newest["changed_at"][:16] == (now + timedelta(hours=2)).isoformat()[:16]
    assert [event["price_paise"] for event in events_of(inventory_db, "OfferChanged")] == [
        49_900,
        39_900,
    ]


def test_a_price_that_was_decided_later_is_not_undone_by_one_that_the_job_sees_late(
    seller, item, now, at
):
    seller.post(f"{item}/coming-prices", coming(now, 2, 39_900))
    at(timedelta(hours=3))
    assert seller.put(f"{item}/price", {"price_paise": 29_900}).status_code == 200
    assert (run_job(), price_of(seller, item)) == ({"started": 0}, 29_900)


def test_a_price_is_cancelled_before_its_time_and_not_after(seller, item, now, at):
    early = seller.post(f"{item}/coming-prices", coming(now, 1, 39_900)).headers["Location"]
    late = seller.post(f"{item}/coming-prices", coming(now, 9, 29_900)).headers["Location"]
    assert [seller.delete(late).status_code for _ in range(2)] == [204, 204]
    at(timedelta(hours=1))
    assert is_problem(seller.delete(early), 409, "PriceHasBegun")
    run_job()
    assert is_problem(seller.delete(early), 409, "PriceHasBegun")
    at(timedelta(hours=9))
    assert (run_job(), price_of(seller, item)) == ({"started": 0}, 39_900)
    by_status = {
        status: [each["price_paise"] for each in seller.get(path).json_body["items"]]
        for status in ("waiting", "started", "cancelled")
        if (path := f"{item}/coming-prices?status={status}")
    }
    assert by_status == {"waiting": [], "started": [39_900], "cancelled": [29_900]}
    assert len(all_pages(seller, f"{item}/coming-prices")) == 2


def test_one_price_starts_at_a_time_and_a_repeat_is_the_same(seller, item, now):
    first = seller.post(f"{item}/coming-prices", coming(now, 2, 39_900))
    again = seller.post(f"{item}/coming-prices", coming(now, 2, 39_900))
    other = seller.post(f"{item}/coming-prices", coming(now, 2, 29_900))
    assert again.json_body == first.json_body
    assert is_problem(other, 409, "ComingPriceExists")
    assert other.json_body["price_id"] == first.json_body["price_id"]


def test_prices_to_come_are_bounded_in_number_and_time(seller, item, now):
    for hours in range(1, 21):
        assert seller.post(f"{item}/coming-prices", coming(now, hours, 1)).status_code == 201
    full = seller.post(f"{item}/coming-prices", coming(now, 30, 1))
    assert is_problem(full, 409, "TooManyComingPrices")
    for hours in (-1, 24 * 400):
        refused = seller.post(f"{item}/coming-prices", coming(now, hours, 1))
        assert is_problem(refused, 422, "InvalidRequest")
        assert refused.json_body["field"] == "starts_at"
    wrong = {"price_paise": 0, "starts_at": "2026-10-20T00:00:00"}
    assert wrong_fields(seller.post(f"{item}/coming-prices", wrong)) == {"price_paise", "starts_at"}


def test_a_price_to_come_is_one_of_its_own_offer_only(seller, item, inventory_db, now):
    location = seller.post(f"{item}/coming-prices", coming(now, 2, 39_900)).headers["Location"]
    other = an_approved_seller(inventory_db, now, "Ravi Traders").seller_id
    price_id = location.rpartition("/")[2]
    foreign = f"/sellers/{other}/items/MUG/coming-prices"
    assert is_problem(seller.delete(f"{foreign}/{price_id}"), 404, "NotFound")
    assert is_problem(seller.get(foreign), 404, "NotFound")
    assert is_problem(seller.get(f"{item}/coming-prices/{UNKNOWN}"), 404, "NotFound")
