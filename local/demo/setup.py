"""Before the first order: the network, the catalog, sellers, and stock that is announced, arrives and is received.

Everything goes through the apps' own APIs, and everything that is there already is left as it is.
"""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

from online_kart.domain.network import FacilityKind, Network
from online_kart.domain.sellers import RegisterSeller

from ..errors import LocalError
from . import catalog
from .client import App, Kart, Refused

CLIENTS = 6
STOCKED_FCS = 60
FCS_PER_SELLER = 6
SCARCE_SHARE = 0.08
"""Of the offers: one or two units in each of a few FCs, so that orders are split, and some rejected."""

WAIT_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Shop:
    """What can be bought: (sku, seller id) → units announced, and which of them are scarce."""

    units: dict[tuple[str, str], int]
    scarce: list[tuple[str, str]]
    inbound_shipments: int


def wait_until(what: str, is_true: Callable[[], bool], seconds: float = WAIT_SECONDS_MAX) -> None:
    """Raises LocalError where it is not so after the time."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise LocalError(f"Waited {seconds:.0f} s in vain for {what}. See the logs.")
        time.sleep(0.1)


def together(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """The work on all items by a few clients at once; the first error is raised."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(work, items))


def load_network(kart: Kart, network: Network) -> dict[str, Any]:
    """Put the network, and wait for its route tables. Answers the build."""
    answer = kart.planner.send("PUT", "/network", network.model_dump(mode="json"))
    if answer.status_code >= 400:
        raise Refused("PUT", "/network", answer.status_code, answer.json())
    return wait_for_build(kart, answer.headers["Location"])


def wait_for_build(kart: Kart, location: str) -> dict[str, Any]:
    """The build, once it is published or superseded by a later one. Raises LocalError where it failed."""
    build: dict[str, Any] = {}

    def is_over() -> bool:
        build.update(kart.fulfillment.get(location))
        if build["status"] == "failed":
            raise LocalError(f"The route build failed: {build}")
        return build["status"] in ("published", "superseded")

    wait_until("the route tables", is_over)
    return build


def load_categories(app: App) -> int:
    known = {category["category_id"] for category in app.pages("/item-categories")}
    added = [c for c in catalog.categories() if c.category_id not in known]
    for category in added:  # parents first
        _unless_there(app, "/item-categories", category._asdict())
    return len(added)


def load_sellers(kart: Kart) -> list[str]:
    """Registered and approved: their ids, in the catalog's order."""
    wanted = catalog.sellers()
    ids = {seller.email: str(seller.seller_id) for seller in kart.fulfillment.sellers()}
    for seller in wanted:
        if seller.email not in ids:
            wanted_seller = RegisterSeller(name=seller.name, email=seller.email)
            registered = kart.a_seller(seller.email).register(wanted_seller)
            ids[seller.email] = str(registered.seller_id)
    for seller in wanted:
        kart.fulfillment.call("PATCH", f"/sellers/{ids[seller.email]}", {"status": "approved"})
    return [ids[seller.email] for seller in wanted]


def load_offers(app: App, seller_ids: Sequence[str], rng: random.Random) -> list[tuple[str, str]]:
    """Items, each registered by its first seller, and the offers of them: (sku, seller id)."""
    items = catalog.items(rng)
    offers = catalog.offers(items, len(seller_ids), rng)
    first: dict[str, catalog.Offer] = {}
    for offer in offers:
        first.setdefault(offer.sku, offer)

    def register(item: catalog.Item) -> None:
        offer = first[item.sku]
        body = item._asdict() | {"price_paise": offer.price_paise}
        _unless_there(app, f"/sellers/{seller_ids[offer.seller]}/items", body)

    def offer_too(offer: catalog.Offer) -> None:
        body = {"sku": offer.sku, "price_paise": offer.price_paise}
        _unless_there(app, f"/sellers/{seller_ids[offer.seller]}/offers", body)

    together(register, items)
    together(offer_too, [offer for offer in offers if offer is not first[offer.sku]])
    return [(offer.sku, seller_ids[offer.seller]) for offer in offers]


def _unless_there(app: App, path: str, body: dict[str, Any]) -> None:
    answer = app.send("POST", path, body)
    if answer.status_code >= 400 and answer.status_code != 409:
        raise Refused("POST", path, answer.status_code, answer.json())


def stocked_fcs(network: Network) -> list[str]:
    """The FCs that hold stock: those that serve the most pincodes, and never the remote ones."""
    remote = {"IXZ1", "AGX1", "IXL1"}
    centers = [f for f in network.facilities if f.kind is FacilityKind.FC and f.code not in remote]

    def served(ranges: Sequence[tuple[int, int]]) -> int:
        return sum(last - first + 1 for first, last in ranges)

    centers.sort(key=lambda fc: (-served(fc.pincode_ranges), fc.code))
    return [fc.code for fc in centers[:STOCKED_FCS]]


def receive_stock(
    kart: Kart,
    offers: Sequence[tuple[str, str]],
    fcs: Sequence[str],
    session: str,
    expected_on: str,
    rng: random.Random,
) -> Shop:
    """Every seller announces a shipment to each of a few FCs; they arrive, are counted and booked into stock."""
    scarce = set(rng.sample(list(offers), round(len(offers) * SCARCE_SHARE)))
    notices = _notices(offers, scarce, fcs, rng)

    def announce(numbered: tuple[int, Notice]) -> tuple[str, Any]:
        number, notice = numbered
        body = {"fc_code": notice.fc_code, "expected_on": expected_on, "lines": notice.lines}
        path = f"/sellers/{notice.seller_id}/inbound-shipments"
        answer = kart.seller.call("POST", path, body, key=f"{session}-asn-{number}")
        return answer["asn"], notice.lines

    announced = together(announce, list(enumerate(notices)))

    def receive(notice: tuple[str, list[dict[str, Any]]]) -> None:
        asn, lines = notice
        body = {"counted": lines}
        _unless_there(kart.staff, f"/inbound-shipments/{asn}/receipts", body)

    together(receive, announced)
    waiting = {asn for asn, _ in announced}

    def is_booked() -> bool:
        for asn in sorted(waiting)[:10]:
            receipt = kart.fulfillment.get(f"/inbound-shipments/{asn}/receipt")
            if receipt["status"] != "closed":
                return False
            waiting.discard(asn)
        return not waiting

    wait_until("every inbound shipment to be received", is_booked)
    units = dict.fromkeys(offers, 0)
    for notice in notices:
        for line in notice.lines:
            units[line["sku"], notice.seller_id] += line["quantity"]
    return Shop(units, sorted(scarce), len(announced))


class Notice(NamedTuple):
    """One shipment to be announced."""

    seller_id: str
    fc_code: str
    lines: list[dict[str, Any]]


def _notices(
    offers: Sequence[tuple[str, str]],
    scarce: set[tuple[str, str]],
    fcs: Sequence[str],
    rng: random.Random,
) -> list[Notice]:
    """Each seller sends to a few FCs: plenty of most items, and of a scarce one a unit to every second FC."""
    by_seller: dict[str, list[tuple[str, str]]] = {}
    for offer in offers:
        by_seller.setdefault(offer[1], []).append(offer)
    notices = []
    for seller_id, own in sorted(by_seller.items()):
        for fc_code in rng.sample(list(fcs), FCS_PER_SELLER):
            sent = [offer for offer in own if offer not in scarce or rng.random() < 0.5]
            lines = [
                {"sku": offer[0], "quantity": 1 if offer in scarce else rng.randint(8, 40)}
                for offer in sent
            ]
            notices.append(Notice(seller_id, fc_code, lines))
    return notices


def wait_for_shop_window(app: App, offers: int) -> None:
    """Until the customer app's copy of the catalog (C6, C7) shows every offer, and stock of nearly all."""

    def is_shown() -> bool:
        shown = [offer for item in app.pages("/items") for offer in item["offers"]]
        in_stock = sum(offer["in_stock"] for offer in shown)
        return len(shown) >= offers and in_stock >= offers * 0.9

    wait_until("the catalog to reach the customers", is_shown)
