"""The demo's real input: the network of India as built from the data packages, and the catalog."""

import json
import random
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from local.demo import catalog, geography
from local.demo.network import indian_network, main, network_file
from local.demo.positions import NearestPositions, Position, great_circle_km
from online_kart.domain.network import FacilityKind, Mode, Network, parse_network
from online_kart.routing.tables import Router

PORT_BLAIR, AGATTI, LEH = "IXZ1", "AGX1", "IXL1"
REMOTE = (PORT_BLAIR, AGATTI, LEH)


@pytest.fixture(scope="module")
def router(india) -> Router:
    return Router(india)


def reached_by_land(network: Network, origin: str) -> set[str]:
    """FCs that roads lead to without a hub on the way, however far."""
    fc_codes = {fc.code for fc in network.fcs}
    nexts = defaultdict(list)
    for leg in network.legs:
        if {leg.origin, leg.destination} <= fc_codes:
            nexts[leg.origin].append(leg.destination)
    reached, queue = {origin}, [origin]
    for code in queue:
        fresh = [each for each in nexts[code] if each not in reached]
        reached.update(fresh)
        queue += fresh
    return reached


def position_of(facility) -> Position:
    return Position(facility.latitude, facility.longitude)


def test_india_has_300_fcs_40_airports_and_6_seaports(india):
    kinds = Counter(facility.kind for facility in india.facilities)
    assert kinds[FacilityKind.FC] >= 300
    assert kinds[FacilityKind.AIRPORT] >= 40
    assert kinds[FacilityKind.SEAPORT] >= 6
    assert {"IXZ", "AGX", "IXL", "INIXZ"} <= india.by_code.keys()


def test_every_state_has_an_fc(india):
    states = {place.state for place in geography.known_places()}
    assert {fc.state for fc in india.fcs} == states
    assert len(states) == 36  # 28 states and 8 union territories


def test_two_builds_are_equal(india):
    for cached in (geography.all_places, geography.known_places, geography.head_offices):
        cached.cache_clear()
    assert network_file(indian_network()) == network_file(india)


def test_every_known_pincode_is_served_by_the_nearest_fc_of_its_landmass(india):
    by_landmass = defaultdict(list)
    for fc in india.fcs:
        by_landmass[geography.LANDMASS_OF_STATE.get(fc.state, geography.MAINLAND)].append(fc)
    places = geography.known_places()
    for place in places[::40] + tuple(p for p in places if p.landmass != geography.MAINLAND):
        nearest = min(
            by_landmass[place.landmass],
            key=lambda fc: great_circle_km(place.position, position_of(fc)),
        )
        assert india.fc_serving(place.pincode) == nearest.code, place


def test_every_known_pincode_is_in_exactly_one_range(india):
    ranges = sorted(each for fc in india.fcs for each in fc.pincode_ranges)
    assert all(before[1] < after[0] for before, after in pairwise(ranges))
    covered = sum(
        any(first <= place.pincode <= last for first, last in fc.pincode_ranges)
        for place in geography.known_places()
        for fc in [india.by_code[india.fc_serving(place.pincode)]]
    )
    assert covered == len(geography.known_places())


def test_ranges_begin_and_end_at_known_pincodes_and_are_far_fewer(india):
    known = {place.pincode for place in geography.known_places()}
    ranges = [each for fc in india.fcs for each in fc.pincode_ranges]
    assert {end for each in ranges for end in each} <= known
    assert len(ranges) < len(known) / 3


def test_pincodes_far_from_their_sorting_district_are_not_served():
    known = {place.pincode for place in geography.known_places()}
    assert 18_500 < len(known) < len(geography.all_places()) == 19_416
    assert 276303 not in known  # Azamgarh in Uttar Pradesh, placed in Karnataka by the data
    assert 824303 not in known  # Aurangabad in Bihar, placed in Maharashtra's Aurangabad
    assert {110001, 276001, 560001, 744302, 682559, 194101} <= known


def test_legs_take_the_time_of_their_length_and_mode(india):
    minutes_of = {
        Mode.ROAD: lambda km: km / 45 * 60,
        Mode.AIR: lambda km: km / 700 * 60 + 120,
        Mode.SEA: lambda km: km / 30 * 60 + 12 * 60,
    }
    for leg in india.legs:
        ends = india.by_code[leg.origin], india.by_code[leg.destination]
        straight_km = great_circle_km(*map(position_of, ends))
        assert leg.distance_km == pytest.approx(
            straight_km * (1.3 if leg.mode is Mode.ROAD else 1), abs=0.06
        )
        assert leg.transit_minutes == pytest.approx(minutes_of[leg.mode](leg.distance_km), abs=1)
        assert leg.transit_minutes >= 1


def test_legs_lead_both_ways(india):
    for leg in india.legs:
        back = india.by_key[(leg.destination, leg.origin, leg.mode)]
        assert back.transit_minutes == leg.transit_minutes


def test_the_mainland_is_one_by_road_and_the_remote_fcs_are_apart(india):
    mainland = reached_by_land(india, "BLR1")
    assert mainland == {fc.code for fc in india.fcs} - set(REMOTE)
    for code in REMOTE:
        assert reached_by_land(india, code) == {code}


def test_no_road_crosses_the_gulf_of_khambhat_or_bangladesh(india):
    """Bhavnagar and Bharuch face each other over water; Udaipur in Tripura and Shillong over Sylhet."""
    code_of = {(fc.name, fc.state): fc.code for fc in india.fcs}
    roads = {leg.key[:2] for leg in india.legs if leg.mode is Mode.ROAD}
    for one, other in (
        (("Bhavnagar", "Gujarat"), ("Bharuch", "Gujarat")),
        (("Udaipur", "Tripura"), ("Shillong", "Meghalaya")),
    ):
        assert (code_of[one], code_of[other]) not in roads


@pytest.mark.parametrize("destination", REMOTE)
def test_remote_fcs_are_reached_because_hubs_reset_the_hop_counter(india, router, destination):
    for origin in ("DEL1", "KYL1", "TUR1", "TRV1"):
        path = router.plan(origin, destination)
        assert path is not None
        assert any(india.by_code[code].is_hub for code in path.facilities)
        assert router.plan(destination, origin) is not None


def test_some_journeys_need_a_connecting_flight(india, router):
    path = router.plan("DEL1", AGATTI)
    flights = [leg for leg in path.legs if leg.mode is Mode.AIR]
    assert len(flights) >= 2
    assert flights[-1].origin == "COK"


def test_every_pair_of_fcs_can_ship_to_each_other(india, router):
    unreachable = [
        (origin.code, destination.code)
        for origin in india.fcs[::20]
        for destination in india.fcs
        if router.plan(origin.code, destination.code) is None
    ]
    assert unreachable == []


def test_every_hub_has_an_fc_and_every_fc_a_hub_within_the_hop_limit(india, router):
    fed = {leg.origin for leg in india.legs if not india.by_code[leg.destination].is_hub}
    assert {hub.code for hub in india.hubs} <= fed
    for fc in india.fcs:
        assert router.table(fc.code).default_routes, fc.code


def test_no_package_of_the_mainland_queues_at_the_docks_on_its_way_to_a_flight(india, router):
    """The gateway is the nearest hub, so no FC may have a seaport for its nearest."""
    for fc in india.fcs:
        gateways = {india.by_code[route.hub].kind for route in router.table(fc.code).default_routes}
        assert gateways == {FacilityKind.AIRPORT} or fc.code == PORT_BLAIR


@pytest.mark.parametrize("closed", ["DEL", "BLR", "MAA", "IXZ"])
def test_with_an_airport_closed_everything_is_still_reached(india, closed):
    left = Network(
        facilities=tuple(each for each in india.facilities if each.code != closed),
        legs=tuple(leg for leg in india.legs if closed not in leg.key),
    )
    router = Router(left)
    for fc in left.fcs:
        assert router.plan("BLR1", fc.code) is not None or fc.code == "BLR1"
        assert router.plan(PORT_BLAIR, fc.code) is not None or fc.code == PORT_BLAIR


def test_codes_of_fcs_are_unique_and_never_those_of_hubs(india):
    assert len(india.by_code) == len(india.facilities)
    assert all(re.fullmatch(r"[A-Z]{3}\d", fc.code) for fc in india.fcs)
    assert india.by_code["BLR1"].name == "Bengaluru"
    assert india.by_code["NAG1"].name == "Nagpur"


def test_fcs_are_named_after_towns_not_post_offices(india):
    for fc in india.fcs:
        assert not re.search(r"\b(G\.?P\.?O|[HS]\.?O)\b|[().\d]", fc.name), fc.name


@pytest.mark.parametrize(
    ("office", "town"),
    [
        ("Nagpur GPO", "Nagpur"),
        ("Jind H.O", "Jind"),
        ("ORAI HO", "Orai"),
        ("Barabazar H O", "Barabazar"),
        ("Berhampur(GM) H.O", "Berhampur"),
        ("Hamirpur HO HP Circle", "Hamirpur"),
        ("Karhal S.O (Sheopur", "Karhal"),
        ("Hooghly", "Hooghly"),
    ],
)
def test_a_town_is_read_from_its_post_office(office, town):
    assert geography.town_name(office) == town


def test_the_file_is_a_facility_or_leg_a_line_and_reads_back_equal(india, tmp_path, monkeypatch):
    out: Path = tmp_path / "india.json"
    monkeypatch.setattr("sys.argv", ["network", "--out", str(out)])
    main()
    text = out.read_text("utf-8")
    assert parse_network(text) == india
    assert len(text.splitlines()) == len(india.facilities) + len(india.legs) + 8
    assert json.loads(text)["hop_limit"] == 4


def test_nearest_positions_agree_with_a_look_at_all_of_them():
    rng = random.Random(4)
    positions = [Position(rng.uniform(6, 36), rng.uniform(68, 97)) for _ in range(300)]
    search = NearestPositions(positions)
    for _ in range(50):
        center = Position(rng.uniform(6, 36), rng.uniform(68, 97))
        everything = sorted((great_circle_km(center, p), i) for i, p in enumerate(positions))
        assert search.nearest(center, 5) == everything[:5]
    assert len(search.nearest(Position(20, 80), 1_000)) == 300


def test_addresses_follow_the_post_offices_and_always_reach_the_remote_places(india):
    addresses = geography.addresses(400, random.Random(11))
    assert addresses == geography.addresses(400, random.Random(11))
    pincodes = Counter(address.pincode for address in addresses)
    assert all(pincodes[pincode] >= 2 for pincode in geography.REMOTE_PINCODES)
    assert len({address.state for address in addresses}) >= 20
    assert {india.fc_serving(pincode) for pincode in geography.REMOTE_PINCODES} == set(REMOTE)
    in_uttar_pradesh = sum(address.state == "Uttar Pradesh" for address in addresses)
    assert 20 <= in_uttar_pradesh <= 80  # about 10% of India's post offices
    assert len(geography.addresses(3, random.Random(11))) == 3


def test_the_catalog_has_500_items_in_20_categories():
    items = catalog.items(random.Random(5))
    categories = {category.category_id: category for category in catalog.categories()}
    assert len(items) >= 500
    assert len({item.category_id for item in items}) == 20
    assert len({item.sku for item in items}) == len({item.name for item in items}) == len(items)
    assert all(re.fullmatch(r"[A-Z0-9][A-Z0-9-]{1,39}", item.sku) for item in items)
    assert all(item.price_paise > 0 and item.weight_grams > 0 for item in items)
    departments = {item.category_id: categories[item.category_id].parent_id for item in items}
    assert set(departments.values()) == {None} ^ {each.parent_id for each in categories.values()}


def test_the_catalog_is_the_same_for_the_same_seed():
    def made(seed):
        rng = random.Random(seed)
        items = catalog.items(rng)
        return items, catalog.offers(items, 25, rng), catalog.customers(80, rng)

    assert made(5) == made(5)
    assert made(5) != made(6)


def test_25_sellers_share_the_offers_and_every_item_has_one():
    rng = random.Random(5)
    items, sellers = catalog.items(rng), catalog.sellers()
    offers = catalog.offers(items, len(sellers), rng)
    assert len(sellers) == len({seller.email for seller in sellers}) == 25
    assert {offer.seller for offer in offers} == set(range(25))
    assert {offer.sku for offer in offers} == {item.sku for item in items}
    assert len({(offer.seller, offer.sku) for offer in offers}) == len(offers)


def test_customers_have_emails_of_their_own():
    customers = catalog.customers(80, random.Random(5))
    assert len({customer.email for customer in customers}) == 80
