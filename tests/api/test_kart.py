"""`kart`, the command for people, and the typed clients under it, on the real apps."""

import json
import os
import subprocess
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from local.apps import ROOT
from local.client.app import Identity, Patience
from local.client.customers import Customers
from local.client.fulfillment import Fulfillment
from local.client.refused import Refused
from local.errors import LocalError
from local.kart.__main__ import kart
from local.kart.session import Session as LocalSession
from local.people import People, Person
from local.reading import Stores
from online_kart.domain.orders import LineWanted, PlaceOrder
from online_kart.domain.principals import Role
from online_kart.inventory_db import runs
from tests.both_sides import FAR, NEAR, open_both_sides
from tests.builders import pincode_of
from tests.in_process import NOWHERE, InProcess, Session

HASTY = Patience(seconds=0.3)


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


@pytest.fixture
def session(fulfillment, customer):
    return Session(fulfillment, customer)


@pytest.fixture
def said(session):
    """What a command says to whoever may do anything. The exit code is 0 unless a test says otherwise."""

    def run(*words, exit_code=0, by=session, answers=None):
        done = CliRunner().invoke(kart, list(words), obj=by, input=answers)
        assert done.exit_code == exit_code, (done.output, done.exception)
        return done.stderr if exit_code else done.stdout

    return run


@pytest.fixture
def under_way(sides):
    """An order whose package has left for the airport."""
    sides.depart(sides.confirmed(sides.buyer(FAR), ("MUG", 2)))
    return str(sides.stores.customer.execute("SELECT order_id FROM orders").fetchone()[0])


# -- each command, for people and for scripts


def test_an_order_is_shown_with_its_packages_journeys(said, customer, under_way):
    shown = said("order", under_way)
    told = json.loads(said("order", under_way, "--json"))

    for word in ("confirmed", "MUG", "₹", "BLR1", "DEL2", "air to DEL", "last mile", "departure"):
        assert word in shown
    assert told["order"] == customer.get(f"/orders/{under_way}").json_body
    (path,) = told["paths"]
    package = f"/packages/{path['package_id']}/path"
    assert path == customer.get(package).json_body
    first, second = path["stops"][:2]
    assert first["actual_departure_at"]
    assert second["actual_arrival_at"] is None


def test_a_route_table_is_shown_as_the_api_has_it(said, fulfillment, sides):
    shown = said("table", "BLR1")
    told = json.loads(said("table", "BLR1", "--json"))

    assert "home hub BLR" in shown
    assert "default" in shown
    assert told == fulfillment.get("/route-tables/BLR1").json_body


def test_a_path_is_shown_as_the_api_has_it(said, fulfillment, sides):
    pincode = pincode_of(sides.market.network, FAR)
    shown = said("path", "BLR1", "--to", str(pincode))
    told = json.loads(said("path", "BLR1", "--to", str(pincode), "--json"))

    assert "air to DEL" in shown
    asked = fulfillment.get(f"/paths?from=BLR1&to_pincode={pincode}").json_body
    assert (
        told.pop("why").keys() == asked.pop("why").keys()
    )  # its times are those of an order of now
    assert told == asked


def test_runs_are_shown_by_status(said, fulfillment, inventory_db, now):
    runs.insert(inventory_db, "reconcile", "night", 1, {}, now)
    runs.insert(inventory_db, "reconcile", "noon", 1, {}, now)
    runs.end(inventory_db, "reconcile", "night", 1, "failed", "Unavailable", now)

    shown = said("runs", "--status", "failed")
    told = json.loads(said("runs", "--status", "failed", "--json"))

    assert "night-1" in shown
    assert "Unavailable" in shown
    assert "noon" not in shown
    assert told["items"] == fulfillment.get("/runs?status=failed").json_body["items"]


def test_stock_is_shown_by_sku(said, fulfillment, under_way):
    shown = said("stock", NEAR, "--sku", "MUG")
    told = json.loads(said("stock", NEAR, "--json"))

    assert "48" in shown
    assert told["items"] == fulfillment.get(f"/fulfillment-centers/{NEAR}/stock").json_body["items"]
    assert json.loads(said("stock", NEAR, "--sku", "NONE", "--json")) == {"items": []}


# -- closing


def status_of(fulfillment, hub):
    return fulfillment.get(f"/hubs/{hub}").json_body["status"]


def test_closing_shows_what_it_would_do_and_does_nothing_without_a_yes(
    said, fulfillment, session, sides
):
    refused = CliRunner().invoke(kart, ["close", "DEL"], obj=session, input="n\n")
    nobody_there = CliRunner().invoke(kart, ["close", "DEL"], obj=session, input="")
    told = json.loads(said("close", "DEL", "--json"))

    for shown in (refused, nobody_there):
        assert shown.exit_code == 1
        assert "Closing DEL would" in shown.stdout
    assert told["standing"]["is_single_point_of_failure"]
    assert status_of(fulfillment, "DEL") == "open"


def test_a_hub_is_closed_by_who_says_yes(said, fulfillment, sides):
    assert "DEL is closing" in said("close", "DEL", answers="y\n")
    assert status_of(fulfillment, "DEL") != "open"


def test_an_fc_is_closed_by_a_script(said, fulfillment, sides):
    told = json.loads(said("close", "BLR2", "--yes", "--json"))

    assert fulfillment.get(told["rebuild"]).json_body["version"] == told["version"]
    assert fulfillment.get("/fulfillment-centers/BLR2").json_body["status"] != "open"


# -- what goes wrong


def test_who_asks_for_what_there_is_not_is_told_what_to_do(said, sides):
    shown = said("table", "ZZZ9", exit_code=1)

    assert "ZZZ9" in shown
    assert "Look at how" in shown
    assert "Traceback" not in shown


def test_who_asks_wrongly_is_told_which_word_and_what_was_expected(said, sides):
    shown = said("path", "BLR1", "--to", "12", exit_code=1)

    assert "to_pincode: Input should be greater than or equal to 100000." in shown


def test_a_script_gets_the_problem_itself(said, fulfillment, sides):
    told = json.loads(said("stock", "ZZZ9", "--json", exit_code=1))

    answer = fulfillment.get("/fulfillment-centers/ZZZ9/stock")
    assert told == answer.json_body


def test_who_may_not_close_a_facility_is_told_who_may(said, session, fulfillment, sides):
    shown = said("close", "DEL", "--yes", exit_code=1, by=session.of(Role.AUDITOR))

    assert "network_planner" in shown
    assert status_of(fulfillment, "DEL") == "open"


def test_a_word_that_is_no_id_or_status_is_refused_before_anything_is_asked(said):
    said("order", "x", exit_code=2)
    said("runs", "--status", "asleep", exit_code=2)


def test_where_nothing_runs_or_nobody_is_known_the_command_says_what_to_do(said, tmp_path):
    here = LocalSession(tmp_path)
    assert "make up" in said("runs", exit_code=1, by=here)

    assert "Nobody called asha" in said("sign-in", "asha", exit_code=1, by=here)
    People(tmp_path).add(Person("staff", "asha", "a-Password1", str(uuid4()), ()))
    assert "make up" in said("sign-in", "asha", exit_code=1, by=here)


def test_the_shell_is_told_how_a_word_may_go_on():
    """As its completion asks for it."""
    asked = {"COMP_WORDS": "kart st", "COMP_CWORD": "1", "_KART_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [ROOT / "kart"], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["stock"]


# -- the typed client


def test_an_order_is_placed_once_though_its_first_answer_was_lost(sides, customer, session):
    buyer = sides.buyer(NEAR)
    losing = LosesAnswers(InProcess(customer), 1)
    customers = session.over(losing)
    order = PlaceOrder(
        customer_id=buyer.address.customer_id,
        address_id=buyer.address.address_id,
        lines=(LineWanted(sku="MUG", quantity=1),),
    )

    placed = customers.place_order(order)

    assert losing.asked == 2
    assert customers.order(placed.order_id).lines == placed.lines
    assert [each.order_id for each in customers.orders(order.customer_id)] == [placed.order_id]


def test_lists_are_followed_to_their_end(session, inventory_db, now):
    for number in range(205):
        runs.insert(inventory_db, "reconcile", f"night-{number}", 1, {}, now)

    assert len({run.business_id for run in session.fulfillment().runs("running")}) == 205


def test_a_refusal_has_its_type_title_and_facts(session):
    with pytest.raises(Refused) as caught:
        session.fulfillment().hub("ZZZ")

    refused = caught.value
    assert (refused.status, refused.type) == (404, "NotFound")
    assert refused.facts == {"what": "hub", "key": "ZZZ"}
    assert "ZZZ" in refused.title


def app_on(transport, app=Fulfillment):
    return app(NOWHERE, Identity(lambda: "token"), HASTY, transport)


def test_what_a_gateway_says_is_a_refusal_too():
    client = app_on(httpx.MockTransport(lambda asked: httpx.Response(403, text="<html>no</html>")))

    with pytest.raises(Refused, match="no") as caught:
        client.hub("BLR")
    assert (caught.value.type, caught.value.status) == ("", 403)


def test_a_post_without_a_key_is_sent_once_and_one_with_a_key_until_patience_ends():
    asked = []

    def away(request):
        asked.append(request.method)
        return httpx.Response(503, json={"title": "Away."})

    client = app_on(httpx.MockTransport(away))
    assert client.send("POST", "/sellers", {}).status_code == 503
    assert len(asked) == 1
    assert client.send("POST", "/sellers", {}, key="k").status_code == 503
    assert len(asked) > 2


def test_a_connection_that_never_comes_ends_in_an_error_that_says_where():
    def away(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(LocalError, match="no answer"):
        app_on(httpx.MockTransport(away), Customers).order(uuid4())


class LosesAnswers(httpx.BaseTransport):
    """The app does what it is asked, and the first answers never come."""

    def __init__(self, transport, count):
        self._transport, self._left, self.asked = transport, count, 0

    def handle_request(self, request):
        answer = self._transport.handle_request(request)
        self.asked += request.method == "POST"
        if self._left:
            self._left -= 1
            raise httpx.ReadTimeout("The answer was lost.")
        return answer
