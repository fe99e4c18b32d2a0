"""Every POST of every app may be sent again with its `Idempotency-Key`: it happens once, and is answered byte for byte."""

from datetime import timedelta
from uuid import uuid4

import pytest

from customer_app.chalicelib.services import returns
from fulfillment_app.chalicelib.services import line_haul
from fulfillment_app.chalicelib.services.line_haul import Missing
from local.apps import APPS, load_app
from local.reading import Stores
from online_kart.domain.returns import RequestReturn
from online_kart.http import KEY
from tests.both_sides import FAR, NEIGHBOUR, open_both_sides
from tests.builders import pincode_of
from tests.contracts import contract_of, kept_headers
from tests.freight import batch_of
from tests.identity import ADMIN
from tests.shop import a_refused_seller

READS_ONLY = {"/cart-quotes", "/promises"}
"""POST because of its body; it changes nothing and keeps nothing."""

KEY_NEEDED = {
    "/orders",
    "/fulfillment-centers/{fc_code}/stock-adjustments",
    "/sellers/{seller_id}/inbound-shipments",
}
PLACE = {"name": "New", "latitude": 12.9, "longitude": 77.6, "handling_minutes": 30}


@pytest.fixture
def clients(fulfillment, seller, customer):
    return {"fulfillment_app": fulfillment, "seller_app": seller, "customer_app": customer}


@pytest.fixture
def sides(inventory_db, customer_db, documents, now):
    return open_both_sides(Stores(inventory_db, customer_db, documents), now)


@pytest.fixture
def requests(sides, clients):
    """(app, route, path, body, another body of that kind), in an order in which none is in another's way."""
    return [
        *of_customers(sides),
        *of_sellers(sides),
        *of_returns(sides),
        *of_staff(sides, clients["seller_app"]),
    ]


def of_customers(sides):
    buyer = sides.buyer(FAR)
    customer_id = str(buyer.address.customer_id)
    home = {
        "recipient": "Asha",
        "street": "2 Ring Road",
        "city": "Delhi",
        "state": "Delhi",
        "pincode": 110001,
    }
    order = {
        "customer_id": customer_id,
        "address_id": str(buyer.address.address_id),
        "lines": [{"sku": "MUG", "quantity": 1}],
    }
    cancellation = "/orders/{order_id}/cancellation"
    app = "customer_app"
    yield (
        app,
        "/customers",
        "/customers",
        {"name": "Ravi", "email": "ravi@example.com"},
        {"name": "R"},
    )
    addresses = "/customers/{customer_id}/addresses"
    yield app, addresses, addresses.format(customer_id=customer_id), home, {**home, "city": "Agra"}
    yield app, "/orders", "/orders", order, {**order, "lines": [{"sku": "MUG", "quantity": 2}]}
    order_id = buyer.place(("MUG", 1))
    yield app, cancellation, cancellation.format(order_id=order_id), {}, {"because": "it rains"}


def of_sellers(sides):
    of_seller = f"/sellers/{sides.market.seller_id}"
    app, item = "seller_app", {"name": "A cup", "category_id": "kitchen", "weight_grams": 300}
    cup = {**item, "sku": "CUP", "price_paise": 100}
    applications = "/sellers/{seller_id}/applications"
    refused_id = a_refused_seller(sides.market.conn, sides.market.now).seller_id
    path = applications.format(seller_id=refused_id)
    yield app, applications, path, {}, {"because": "it rains"}
    yield app, "/sellers", "/sellers", {"name": "Ravi", "email": "ravi@example.com"}, {"name": "R"}
    yield app, "/sellers/{seller_id}/items", f"{of_seller}/items", cup, {**cup, "sku": "POT"}
    jar = "sku,name,category_id,weight_grams,price_paise\nJAR,A jar,kitchen,300,100\n"
    imports = "/sellers/{seller_id}/items/imports"
    yield app, imports, f"{of_seller}/items/imports", jar, jar.replace("100", "200")
    offer = {"sku": "CUP", "price_paise": 100}
    yield app, "/sellers/{seller_id}/offers", f"{of_seller}/offers", offer, {**offer, "sku": "MUG"}
    price = {"price_paise": 200, "starts_at": "2026-03-05T00:00:00+05:30"}
    coming = "/sellers/{seller_id}/items/{sku}/coming-prices"
    yield app, coming, f"{of_seller}/items/MUG/coming-prices", price, {**price, "price_paise": 1}
    asn = {"fc_code": "BLR1", "expected_on": "2026-03-05", "lines": [{"sku": "MUG", "quantity": 5}]}
    announced = "/sellers/{seller_id}/inbound-shipments"
    another = {**asn, "expected_on": "2026-03-06"}
    yield app, announced, f"{of_seller}/inbound-shipments", asn, another


def of_staff(sides, seller):
    yield from of_goods(sides, seller)
    yield from of_network(sides)


def of_goods(sides, seller):
    app, seller_id = "fulfillment_app", str(sides.market.seller_id)
    category = {"category_id": "garden", "name": "Garden"}
    yield app, "/item-categories", "/item-categories", category, {**category, "name": "Gardens"}
    change = {"sku": "MUG", "seller_id": seller_id, "change": -1, "reason": "Broken."}
    adjustments = "/fulfillment-centers/{fc_code}/stock-adjustments"
    path = adjustments.format(fc_code="BLR1")
    yield app, adjustments, path, change, {**change, "change": -2}
    receipts = "/inbound-shipments/{asn}/receipts"
    count = {"counted": [{"sku": "MUG", "quantity": 5}]}
    another = {"counted": [{"sku": "MUG", "quantity": 4}]}
    yield app, receipts, receipts.format(asn=an_asn(seller, seller_id)), count, another
    units = {"sku": "MUG", "seller_id": seller_id, "quantity": 1, "transfer_id": str(uuid4())}
    units |= {"origin": "BLR1", "destination": "BLR2"}
    yield app, "/batches/units", "/batches/units", units, {**units, "quantity": 2}
    in_delhi = sides.buyer("DEL1")
    packed = sides.confirmed(in_delhi, ("MUG", 1))
    for step in ("picks", "packs"):
        marks = f"/fulfillment-centers/{{fc_code}}/{step}"
        told, others = {"package_ids": [str(packed)]}, {"package_ids": [str(uuid4())]}
        yield app, marks, marks.format(fc_code="BLR1"), told, others
    departure = "/batches/{batch_id}/departure"
    path = departure.format(batch_id=batch_of(sides.market.conn, packed))
    yield app, departure, path, {}, {"because": "it rains"}
    under_way, at_the_door = sides.confirmed(in_delhi, ("MUG", 1)), a_delivery(sides)
    batch_id = batch_of(sides.market.conn, under_way)
    sides.depart(under_way)
    arrivals, outcomes = "/batches/{batch_id}/arrivals", "/deliveries/{package_id}/outcomes"
    scans = "/batches/{batch_id}/scans"
    unknown = {"package_ids": [str(uuid4())]}
    others = {"package_ids": [str(uuid4())]}
    yield app, scans, scans.format(batch_id=batch_id), unknown, others
    scan: dict[str, object] = {"missing": []}
    yield app, arrivals, arrivals.format(batch_id=batch_id), scan, {}
    proof = {"outcome": "delivered", "proof": "signed"}
    path = outcomes.format(package_id=at_the_door)
    yield app, outcomes, path, proof, {**proof, "proof": "photo"}
    yield from of_what_was_lost(sides)
    waits = sides.confirmed(a_neighbour(sides, 2), ("MUG", 1))
    loads = "/batches/{batch_id}/packages"
    path = loads.format(batch_id=batch_of(sides.market.conn, waits))
    yield app, loads, path, {"package_ids": [str(waits)]}, {"package_ids": [str(uuid4())]}


def a_neighbour(sides, number):
    """Of BLR2, in another pincode than the others."""
    return sides.buyer(str(pincode_of(sides.market.network, NEIGHBOUR) + number))


def of_what_was_lost(sides):
    package_id = sides.confirmed(a_neighbour(sides, 3), ("MUG", 1))
    conn, batch_id = sides.market.conn, batch_of(sides.market.conn, package_id)
    sides.depart(package_id)
    missing = [Missing(package_id, "not in the truck")]
    line_haul.arrive(conn, sides.stores.documents, ADMIN, batch_id, None, missing, sides.market.now)
    recovery = "/packages/{package_id}/recovery"
    path = recovery.format(package_id=package_id)
    yield "fulfillment_app", recovery, path, {"facility": "BLR2"}, {"facility": "BLR1"}


def an_asn(seller, seller_id):
    shipment = {
        "fc_code": "BLR1",
        "expected_on": "2026-03-05",
        "lines": [{"sku": "MUG", "quantity": 5}],
    }
    path = f"/sellers/{seller_id}/inbound-shipments"
    return seller.post(path, shipment, Idempotency_Key="for its receipt").json_body["asn"]


def of_returns(sides):
    """A package that its customer sends back, and one that is back."""
    first = pincode_of(sides.market.network, NEIGHBOUR)
    wanted, back = (a_delivered_package(sides, str(first + place)) for place in (0, 1))
    asked = "/orders/{order_id}/returns"
    body = {"package_id": str(wanted[1]), "reason": "too blue"}
    path = asked.format(order_id=wanted[0])
    yield "customer_app", asked, path, body, {**body, "reason": "too red"}
    command = RequestReturn(package_id=back[1], reason="too blue")
    known = returns.request(sides.stores.customer, ADMIN, back[0], command, sides.market.now)
    sides.tell()
    vain, pickups = {"attempt": 1, "reason": "not there"}, "/returns/{return_id}/failed-pickups"
    path = pickups.format(return_id=known.return_id)
    yield "fulfillment_app", pickups, path, vain, {**vain, "reason": "no bell"}
    receipt = "/returns/{return_id}/receipt"
    path = receipt.format(return_id=known.return_id)
    counted: dict[str, list[dict[str, int]]] = {"unsellable": []}
    other = {"unsellable": [{"line_no": 1, "quantity": 1}]}
    yield "fulfillment_app", receipt, path, counted, other


def a_delivered_package(sides, lives_at):
    """Its order's id, and its own."""
    package_id = sides.confirmed(sides.buyer(lives_at), ("MUG", 1))
    sides.hand_over(package_id)
    sides.deliver(package_id)
    sides.tell()
    row = sides.stores.customer.execute(
        "SELECT order_id FROM packages WHERE package_id = %s", [package_id]
    ).fetchone()
    return row[0], package_id


def a_delivery(sides):
    package_id = sides.confirmed(sides.buyer(NEIGHBOUR), ("MUG", 1))
    sides.hand_over(package_id)
    return package_id


def of_network(sides):
    app, fc = "fulfillment_app", "/fulfillment-centers/{fc_code}"
    hub, center = {**PLACE, "hub_code": "NEW", "kind": "airport"}, {**PLACE, "fc_code": "NEW1"}
    yield app, "/reconciliations", "/reconciliations", {}, {"because": "it rains"}
    yield app, "/route-tables/rebuilds", "/route-tables/rebuilds", {"reason": "a"}, {"reason": "b"}
    holiday = {"day": str((sides.market.now + timedelta(days=9)).date()), "name": "Holi"}
    yield app, "/holidays", "/holidays", holiday, {**holiday, "name": "Diwali"}
    yield app, "/hubs", "/hubs", hub, {**hub, "name": "Newer"}
    yield app, "/fulfillment-centers", "/fulfillment-centers", center, {**center, "name": "Newer"}
    leg = {"origin": "BLR2", "destination": "DEL2", "mode": "sea", "transit_minutes": 9_000}
    leg |= {"origin": "NEW", "destination": "BLR", "mode": "air", "transit_minutes": 60}
    yield app, "/legs", "/legs", leg, {**leg, "transit_minutes": 61}
    first = pincode_of(sides.market.network, "BLR2")
    taken = {"first": first, "last": first, "move": True}
    another = {**taken, "move": False}
    yield app, f"{fc}/pincodes", "/fulfillment-centers/BLR1/pincodes", taken, another
    file, imports = f"fc_code,first,last,move\nBLR1,{first},{first},true\n", "/pincodes/imports"
    yield app, imports, imports, file, file.replace("true", "false")
    closure = "/hubs/{hub_code}/closure"
    yield app, closure, closure.format(hub_code="NEW"), {}, {"because": "it rains"}
    yield app, f"{fc}/closure", "/fulfillment-centers/NEW1/closure", {}, {"because": "it rains"}


def posts_of(app):
    routes = load_app(app).app.routes
    return {path for path, methods in routes.items() if "POST" in methods}


def told(sides):
    """How many events both sides have told."""
    conns = (sides.stores.inventory, sides.stores.customer)
    return [conn.execute("SELECT count(*) FROM outbox").fetchone() for conn in conns]


def test_every_post_can_be_sent_again_and_happens_once(requests, clients, sides):
    tried = set()
    for app, route, path, body, another in requests:
        client, key = clients[app], str(uuid4())
        post = client.post_file if isinstance(body, str) else client.post

        first = post(path, body, Idempotency_Key=key)
        assert first.status_code in (200, 201, 202), (path, first.body)
        events = told(sides)
        again = post(path, body, Idempotency_Key=key)
        other = post(path, another, Idempotency_Key=key)

        assert (again.status_code, again.body) == (first.status_code, first.body), path
        assert kept_headers(again) == kept_headers(first), path
        assert told(sides) == events, path
        assert other.status_code == 422, (path, other.body)
        assert "came with another request before" in other.json_body["title"], path
        tried.add((app, route))

    every = {(app, path) for app in APPS for path in posts_of(app) - READS_ONLY}
    assert tried == every


@pytest.mark.parametrize("app", APPS)
def test_the_document_says_which_requests_take_a_key_and_which_need_one(app):
    keys = {}
    for path, methods in contract_of(load_app(app).app).said["paths"].items():
        for method, said in methods.items():
            parameters = {each["name"]: each for each in said.get("parameters", ())}
            if KEY in parameters:
                keys[method, path] = parameters[KEY]["required"]

    posts = posts_of(app) - READS_ONLY
    assert keys == {("post", path): path in KEY_NEEDED for path in posts}


def test_where_a_key_is_needed_a_request_without_one_is_told_what_to_send(requests, clients):
    needing = [each for each in requests if each[1] in KEY_NEEDED]
    assert len(needing) == len(KEY_NEEDED)
    for app, _, path, body, _ in needing:
        answer = clients[app].post(path, body)

        assert answer.status_code == 400, (path, answer.body)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json_body["type"] == "urn:kart:problem:HeaderMissing"
        assert answer.json_body["field"] == "Idempotency-Key"
        assert "such as a UUID" in answer.json_body["expected"]


def test_a_request_that_was_refused_may_come_again_under_its_key(customer, sides):
    customer_id = sides.buyer(FAR).address.customer_id
    path = f"/customers/{uuid4()}/addresses"
    home = {"recipient": "A", "street": "2", "city": "D", "state": "D", "pincode": 110001}

    assert customer.post(path, home, Idempotency_Key="1").status_code == 404
    assert customer.post(path, home, Idempotency_Key="1").status_code == 404
    path = f"/customers/{customer_id}/addresses"
    assert customer.post(path, home, Idempotency_Key="1").status_code == 201


def test_a_key_counts_for_its_path_only(customer, sides):
    """Nobody has to know the keys of others."""
    home = {"recipient": "A", "street": "2", "city": "D", "state": "D", "pincode": 110001}
    answers = [
        customer.post(
            f"/customers/{sides.buyer(at).address.customer_id}/addresses", home, Idempotency_Key="1"
        )
        for at in (FAR, NEIGHBOUR)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json_body["address_id"] != answers[1].json_body["address_id"]


def test_a_dry_run_with_a_key_changes_nothing(fulfillment, sides):
    hub = {**PLACE, "hub_code": "NEW", "kind": "airport"}
    tried = fulfillment.post("/hubs?dry_run=true", hub, Idempotency_Key="1")

    assert tried.status_code == 200, tried.body
    assert fulfillment.get("/hubs/NEW").status_code == 404
    assert fulfillment.post("/hubs", hub, Idempotency_Key="1").status_code == 422
    assert fulfillment.post("/hubs", hub, Idempotency_Key="2").status_code == 202
