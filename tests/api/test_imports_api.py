"""Files of lines over HTTP: ranges of pincodes by planners, items by sellers."""

import pytest

from tests.api.test_seller_api import UNKNOWN, is_problem
from tests.shop import (
    a_pending_seller,
    an_approved_seller,
    events_of,
    put_category,
    put_fc,
    put_item,
)

RANGES = "fc_code,first,last,move\n"
ITEMS = "sku,name,brand,category_id,weight_grams,price_paise\n"


@pytest.fixture
def fcs(inventory_db, fulfillment, now):
    """BLR1 serves 560001–560099."""
    for code in ("BLR1", "DEL1"):
        put_fc(inventory_db, code, now)
    fulfillment.post("/fulfillment-centers/BLR1/pincodes", {"first": 560001, "last": 560099})


def ranges_at(client, fc_code):
    items = client.get(f"/fulfillment-centers/{fc_code}/pincodes").json_body["items"]
    return [(each["first"], each["last"]) for each in items]


def builds(conn):
    return conn.execute("SELECT count(*) FROM route_builds").fetchone()[0]


def told(answer):
    return [(each["line"], each["field"]) for each in answer.json_body["lines"]]


# -- ranges of pincodes


def test_a_file_of_ranges_is_one_change_of_the_network(fulfillment, fcs, inventory_db):
    before = builds(inventory_db)
    file = RANGES + "BLR1,560100,560199,\nDEL1,110001,110099,\nDEL1,560050,560099,true\n"

    answer = fulfillment.post_file("/pincodes/imports", file)

    assert answer.status_code == 202
    assert answer.headers["Location"] == answer.json_body["rebuild"]
    assert builds(inventory_db) == before + 1
    assert ranges_at(fulfillment, "BLR1") == [(560001, 560049), (560100, 560199)]
    assert ranges_at(fulfillment, "DEL1") == [(110001, 110099), (560050, 560099)]


def test_a_file_with_a_wrong_line_changes_nothing_and_names_each(fulfillment, fcs, inventory_db):
    before = builds(inventory_db)
    file = RANGES + (
        "BLR1,560100,560199,\n"
        "DEL1,560050,560060,\n"  # BLR1 serves them
        "NONE,110001,110099,\n"  # no such FC
        "DEL1,11,110099,\n"  # not six digits
        "DEL1,560150,560300,\n"  # the second line has some of them
    )

    answer = fulfillment.post_file("/pincodes/imports", file)

    assert is_problem(answer, 422, "ImportRefused")
    assert answer.json_body["refused_count"] == 4
    assert told(answer) == [(3, "first"), (4, "fc_code"), (5, "first"), (6, "first")]
    expected = {each["line"]: each["expected"] for each in answer.json_body["lines"]}
    assert "BLR1 serves 560050–560060" in expected[3]
    assert "another FC: 2 does" in expected[6]
    assert (builds(inventory_db), ranges_at(fulfillment, "DEL1")) == (before, [])


def test_a_file_of_ranges_can_be_tried_first(fulfillment, fcs, inventory_db):
    before = builds(inventory_db)
    good = RANGES + "DEL1,560001,560099,true\n"

    tried = fulfillment.post_file("/pincodes/imports?dry_run=true", good)
    wrong = fulfillment.post_file(
        "/pincodes/imports?dry_run=true", RANGES + "DEL1,560001,560002,\n"
    )

    assert tried.status_code == 200
    assert tried.json_body["difference"]
    assert told(wrong) == [(2, "first")]
    assert (builds(inventory_db), ranges_at(fulfillment, "DEL1")) == (before, [])


def test_what_is_no_file_of_ranges_is_refused_as_a_whole(fulfillment, fcs):
    answer = fulfillment.post_file("/pincodes/imports", "FC,from,to\nBLR1,1,2\n")
    assert is_problem(answer, 422, "UnreadableFile")
    assert (answer.json_body["line"], answer.json_body["field"]) == (1, "file")
    latin = RANGES.encode() + b"BLR1,560001,560099,\xe9\n"
    assert "UTF-8" in fulfillment.post_file("/pincodes/imports", latin).json_body["expected"]


# -- items


@pytest.fixture
def imports(inventory_db, now):
    """Where an approved seller sends items."""
    put_category(inventory_db, now)
    return f"/sellers/{an_approved_seller(inventory_db, now).seller_id}/items/imports"


def outcomes(answer):
    return {each["line"]: each["outcome"] for each in answer.json_body["lines"]}


def test_every_line_that_can_be_registered_is_and_the_others_say_why_not(
    seller, imports, inventory_db, now
):
    other = an_approved_seller(inventory_db, now, "Ravi Traders")
    put_item(inventory_db, other.seller_id, "POT", now)
    file = ITEMS + (
        "MUG,A mug,Plain,kitchen,350,49900\n"
        "POT,A pot,Shiny,kitchen,900,99900\n"  # another's
        "CUP,A cup,,garden,300,29900\n"  # no such category
        "JAR,A jar,,kitchen,0,29900\n"
        "CAN,A can,,kitchen,200,19900\n"
    )

    answer = seller.post_file(imports, file)

    assert answer.status_code == 200
    assert outcomes(answer) == {
        2: "accepted",
        3: "refused",
        4: "refused",
        5: "refused",
        6: "accepted",
    }
    fields = [each["problems"][0]["field"] for each in answer.json_body["lines"][1:4]]
    assert fields == ["sku", "category_id", "weight_grams"]
    listed = seller.get(imports.removesuffix("/imports")).json_body["items"]
    assert [item["sku"] for item in listed] == ["CAN", "MUG"]
    assert [e["sku"] for e in events_of(inventory_db, "PriceChanged")] == ["POT", "CAN", "MUG"]


def test_a_file_that_is_sent_again_is_unchanged_and_a_price_is_not_changed_by_it(seller, imports):
    file = ITEMS + "MUG,A mug,Plain,kitchen,350,49900\n"
    seller.post_file(imports, file)
    assert outcomes(seller.post_file(imports, file)) == {2: "unchanged"}
    dearer = seller.post_file(imports, file.replace("49900", "59900"))
    (line,) = dearer.json_body["lines"]
    assert (line["outcome"], line["problems"][0]["field"]) == ("refused", "price_paise")


def test_a_dry_run_of_items_reports_and_keeps_nothing(seller, imports, inventory_db):
    file = ITEMS + "MUG,A mug,Plain,kitchen,350,49900\nCUP,A cup,,garden,300,29900\n"
    answer = seller.post_file(f"{imports}?dry_run=true", file)
    assert outcomes(answer) == {2: "accepted", 3: "refused"}
    assert answer.json_body["dry_run"] is True
    assert events_of(inventory_db, "ItemChanged") == []


def test_who_may_not_sell_imports_nothing(seller, imports, inventory_db, now):
    file = ITEMS + "MUG,A mug,Plain,kitchen,350,49900\n"
    pending = a_pending_seller(inventory_db, now, "Ravi Traders").seller_id
    refused = seller.post_file(f"/sellers/{pending}/items/imports", file)
    assert is_problem(refused, 409, "SellerNotApproved")
    unknown = seller.post_file(f"/sellers/{UNKNOWN}/items/imports", file)
    assert is_problem(unknown, 404, "NotFound")
