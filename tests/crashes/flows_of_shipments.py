"""The flow of goods that come in, and of copies that have drifted. See `flows`."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from online_kart.messaging.rules import RUN_STATUS_CHANGE
from tests.crashes.ground import Place
from tests.crashes.people import FULFILLMENT, LOST, SELLER, come_to_rest, sweep, travel
from tests.crashes.system import Stuck, World

SKU = "BULB"
ASKED_MAX = 5


def receive(world: World, ground: Place) -> Iterator[str]:
    """Announced, amended, received, adjusted; another is given up; a copy that drifted is repaired."""
    seller = _new_seller(world)
    _new_item(world, seller, str(ground.seller_id))
    asn, given_up = _announced(world, seller, "kept", 10), _announced(world, seller, "given up", 3)
    shipments = f"/sellers/{seller}/inbound-shipments"
    amended = {"lines": [{"sku": SKU, "quantity": 12}]}
    assert world.request(SELLER, "PATCH", f"{shipments}/{asn}", amended).status == 200
    assert world.request(SELLER, "DELETE", f"{shipments}/{given_up}").status == 204
    _set_coming_prices(world, seller)
    world.mishaps.hold_back("record_run", RUN_STATUS_CHANGE)
    _receive(world, asn)
    world.settle()
    _adjust(world, seller)
    world.pass_time(LOST)
    sweep(world)
    world.run_job("start_coming_prices")
    world.redrive()
    world.stores.customer.execute("DELETE FROM offers WHERE sku = 'LAMP'")
    _reconcile(world)
    come_to_rest(world)
    row = world.stores.inventory.execute(
        "SELECT on_hand FROM stock WHERE fc_code = 'BLR1' AND sku = %s", [SKU]
    ).fetchone()
    if row != (13,):
        yield f"{row} bulbs on hand, not 11 received and 2 found"
    row = world.stores.inventory.execute(
        "SELECT price_paise FROM offers WHERE sku = %s AND seller_id = %s", [SKU, seller]
    ).fetchone()
    if row != (700,):
        yield f"a bulb costs {row}"
    receipt = world.request(FULFILLMENT, "GET", f"/inbound-shipments/{asn}/receipt").json
    if receipt["status"] != "closed":
        yield f"the receipt is {receipt['status']}"


def _new_seller(world: World) -> str:
    """Who may be told that a request cut short had registered them; refused, and approved when they apply again."""
    new = {"name": "New Traders", "email": "new@example.com"}
    assert world.request(SELLER, "POST", "/sellers", new).status in (201, 409)
    row = world.stores.inventory.execute(
        "SELECT seller_id FROM sellers WHERE email = %s", [new["email"]]
    ).fetchone()
    assert row is not None, "The seller was answered, and is lost."
    refusal = {"status": "refused", "reason": "No tax number."}
    assert world.request(FULFILLMENT, "PATCH", f"/sellers/{row[0]}", refusal).status == 200
    assert world.request(SELLER, "POST", f"/sellers/{row[0]}/applications").status == 200
    approval = {"status": "approved"}
    assert world.request(FULFILLMENT, "PATCH", f"/sellers/{row[0]}", approval).status == 200
    _rename(world, str(row[0]))
    return str(row[0])


def _rename(world: World, seller: str) -> None:
    path = f"/sellers/{seller}"
    assert world.request(SELLER, "PATCH", path, {"name": "Newer Traders"}).status == 200
    yes = {"name": "Newer Traders", "decision": "accepted"}
    assert world.request(FULFILLMENT, "PATCH", f"{path}/wanted-name", yes).status == 200


def _new_item(world: World, seller: str, other: str) -> None:
    """In a new category, which gets another name; both sell it, and its price changes."""
    category = {"category_id": "lamps", "name": "Lamps"}
    assert world.request(FULFILLMENT, "POST", "/item-categories", category).status in (200, 201)
    lights = {"name": "Lights"}
    assert world.request(FULFILLMENT, "PUT", "/item-categories/lamps", lights).status == 200
    file = "sku,name,category_id,weight_grams,price_paise\nTUBE,A tube,lamps,80,700\n"
    imports = f"/sellers/{seller}/items/imports"
    assert world.request(SELLER, "POST", imports, file).status == 200
    offer = {"sku": SKU, "price_paise": 900}
    item: dict[str, Any] = {"name": "A bulb", "category_id": "lamps", "weight_grams": 50, **offer}
    assert world.request(SELLER, "POST", f"/sellers/{seller}/items", item).status in (200, 201)
    assert world.request(SELLER, "POST", f"/sellers/{other}/offers", offer).status in (200, 201)
    price, path = {"price_paise": 800}, f"/sellers/{seller}/items/{SKU}/price"
    assert world.request(SELLER, "PUT", path, price).status == 200


def _set_coming_prices(world: World, seller: str) -> None:
    """One starts in a minute; one, a minute later, is taken back before."""
    path = f"/sellers/{seller}/items/{SKU}/coming-prices"
    for minutes, price_paise in ((1, 700), (2, 600)):
        starts_at = (world.now + timedelta(minutes=minutes)).isoformat()
        price = {"price_paise": price_paise, "starts_at": starts_at}
        answer = world.request(SELLER, "POST", path, price)
        assert answer.status == 201, answer
    taken_back = f"{path}/{answer.json['price_id']}"
    assert world.request(SELLER, "DELETE", taken_back).status == 204


def _announced(world: World, seller: str, key: str, quantity: int) -> str:
    """Its ASN: the same, however often it is asked."""
    body = {
        "fc_code": "BLR1",
        "expected_on": world.now.date().isoformat(),
        "lines": [{"sku": SKU, "quantity": quantity}],
    }
    path = f"/sellers/{seller}/inbound-shipments"
    answer = world.request(SELLER, "POST", path, body, key=key)
    assert answer.status == 201, answer
    assert world.request(SELLER, "POST", path, body, key=key) == answer
    return str(answer.json["asn"])


def _receive(world: World, asn: str) -> None:
    counted = {"sku": SKU, "quantity": 11, "reason": "one broke"}
    body = {"counted": [counted]}
    path = f"/inbound-shipments/{asn}/receipts"
    assert world.request(FULFILLMENT, "POST", path, body).status == 202


def _adjust(world: World, seller: str) -> None:
    found = {"sku": SKU, "seller_id": seller, "change": 2, "reason": "Two were found."}
    path = "/fulfillment-centers/BLR1/stock-adjustments"
    answer = world.request(FULFILLMENT, "POST", path, found, key="found")
    assert answer.status == 201, answer


def _reconcile(world: World) -> None:
    """The daily one fails: it repairs nothing, and people ask until another comes to its end."""
    world.mishaps.failing["report_differences"] = None
    world.run_job("reconcile_daily")
    world.settle()
    for _ in range(ASKED_MAX):
        assert world.request(FULFILLMENT, "POST", "/reconciliations").status == 202
        travel(world, lambda: {"finished", "failed"}.issuperset(_reconciliations(world)))
        if "finished" in _reconciliations(world):
            return
    raise Stuck("No reconciliation comes to its end.")


def _reconciliations(world: World) -> list[str]:
    """The status of each."""
    rows = world.stores.inventory.execute("SELECT status FROM reconciliations").fetchall()
    return [row[0] for row in rows]
