"""The map of a network: what its file holds, and what a browser without a connection makes of it."""

import re
import sys

import pytest
from playwright.sync_api import expect

from online_kart.domain.network import Mode
from online_kart.routing import map
from online_kart.routing.__main__ import main
from online_kart.routing.tables import Router
from tests.builders import a_hub, a_leg, a_network, an_fc, flights, pincode_of, roads

LEGS = [*roads("A", "B", "H"), *roads("H", "B", "A"), *flights("H", "I"), *roads("I", "C")]
NETWORK = a_network(LEGS, hubs="H I", hop_limit=2, handling_minutes=5)


@pytest.fixture
def network_file(tmp_path):
    file = tmp_path / "network.json"
    file.write_text(NETWORK.model_dump_json(exclude_defaults=True))
    return file


@pytest.fixture
def out(tmp_path):
    return tmp_path / "map.html"


def draw(network_file, out, *arguments):
    return main(["map", str(network_file), "--out", str(out), *arguments])


# The command


def test_a_map_of_the_network_alone_is_one_file(network_file, out):
    assert draw(network_file, out) == 0

    text = out.read_text("utf-8")
    assert "3 fulfillment centers, 2 airports, 0 seaports, 6 legs, hop limit 2" in text
    assert "<section" not in text


def test_a_path_is_told_beside_the_map_stop_by_stop(network_file, out):
    assert draw(network_file, out, "--from", "A", "--to", str(pincode_of(NETWORK, "C"))) == 0

    text = out.read_text("utf-8")
    assert "The path: 4 legs, 1 h 50 min" in text
    rows = re.findall(r"<tr class=.*?</tr>", text)
    assert [re.findall(r"<b>(\w+)</b>", row) for row in rows] == [["A"], ["B"], ["H"], ["I"], ["C"]]
    assert [re.findall(r"<td>([^<]*)</td>", row) for row in rows] == [
        ["", "", "2"],
        ["15 min", "15 min", "1"],
        ["15 min", "30 min", "2 (full)"],
        ["1 h 5 min", "1 h 35 min", "2 (full)"],
        ["15 min", "1 h 50 min", "1"],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--from", "A"], 2, "both --from CODE and --to PIN"),
        (["--from", "X", "--to", "C"], 2, '"X" is not a facility'),
        (["--from", "A", "--to", "nowhere"], 2, "neither a six-digit pincode nor an FC"),
        (["--from", "A", "--to", "999999"], 1, "no FC serves pincode 999999"),
        (["--from", "C", "--to", "A"], 1, "there is no path"),
    ],
)
def test_a_path_that_can_not_be_drawn_is_told_of_and_no_map_is_written(
    network_file, out, capsys, arguments, code, complaint
):
    assert draw(network_file, out, *arguments) == code
    assert complaint in capsys.readouterr().err
    assert not out.exists()


def test_a_map_that_can_not_be_written_is_told_of(network_file, out, capsys):
    assert draw(network_file, out / "map.html") == 2
    assert str(out / "map.html") in capsys.readouterr().err


def test_without_what_draws_it_the_command_says_how_to_install_that(
    network_file, out, capsys, monkeypatch
):
    for module in [name for name in sys.modules if name.partition(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "plotly", None)

    assert draw(network_file, out) == 2
    assert "pip install plotly" in capsys.readouterr().err
    assert not out.exists()


# The page


def test_the_page_lets_nothing_be_loaded_from_anywhere(network_file, out):
    draw(network_file, out)

    text = out.read_text("utf-8")
    assert "default-src 'none'; script-src 'unsafe-inline'" in text
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=", text)


def test_legs_to_and_fro_are_one_line_and_parallel_ones_of_two_modes_are_two():
    legs = [*flights("H", "I"), *flights("I", "H"), a_leg("H", "I", 500), a_leg("I", "C", 10)]
    figure = map._figure(Router(a_network(legs, hubs="H I")), None)

    names = [trace.name for trace in figure.data]
    assert names[:3] == ["Roads (2)", "Flights (1)", "Sailings (0)"]
    roads_drawn = figure.data[list(map.LINES).index(Mode.ROAD)]
    assert list(roads_drawn.x).count(None) == 2


def test_a_mark_tells_what_is_known_of_its_facility():
    codes_served = (an_fc("Z", (110_000, 110_099), (110_100, 110_101), (110_200, 110_200)),)
    network = a_network([*roads("H", "Z"), *roads("Z", "H")], *codes_served, hubs="H")
    figure = map._figure(Router(network), None)

    fcs, airports = figure.data[3], figure.data[4]
    assert fcs.hovertext[0].split("<br>") == [
        "<b>Z</b> · Z",
        "FC",
        "handling 0 min",
        "home hub H",
        "103 pincodes: 110000–110101, 110200",
    ]
    assert airports.hovertext[0].split("<br>") == ["<b>H</b> · H", "airport", "handling 0 min"]


def test_an_empty_network_and_one_in_a_single_place_are_drawn():
    for network in (a_network([]), a_network([], an_fc("A"))):
        assert "hop limit 4" in map.page(Router(network))


# In a browser

EVIL = '<img src=x onerror="document.title=1">&</script><script>document.title=2</script>'


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a map, without any connection. What the page complained of, and asked for, must be nothing."""
    complaints, requests = [], []
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))

    def open_map(network, *path):
        router = Router(network)
        file = tmp_path / "map.html"
        file.write_text(map.page(router, router.plan(*path) if path else None), "utf-8")
        page.goto(file.as_uri())
        page.wait_for_selector("#map .legend")
        return page

    yield open_map
    assert complaints == []
    assert requests == [(tmp_path / "map.html").as_uri()]
    context.close()


def test_a_browser_shows_the_network_of_india_with_a_path_to_port_blair(opened, india):
    page = opened(india, "BLR1", "IXZ1")

    marks = page.locator("#map .points path.point")
    assert marks.count() == len(india.facilities) + 5
    numbers = page.locator("#map .textpoint").all_text_contents()
    assert numbers == ["1", "2", "3", "4", "5"]
    assert page.title() == "Bengaluru (BLR1) to Port Blair (IXZ1)"
    assert page.locator("tbody tr").count() == 5
    box = page.locator("#map .main-svg").first.bounding_box()
    assert box["width"] > 600
    assert box["height"] > 600
    assert "India Post" in page.locator("footer").inner_text()


def test_a_click_in_the_legend_hides_a_layer_and_another_shows_it(opened):
    page = opened(NETWORK)
    roads_and_flights, flights_alone = 4, 1
    lines = page.locator("#map .lines path.js-line")
    assert lines.count() == roads_and_flights

    for count in (flights_alone, roads_and_flights):
        page.locator("#map .legendtoggle").first.click()
        expect(lines).to_have_count(count)


def test_the_search_finds_a_facility_by_its_name_and_says_what_it_is(opened):
    home = a_hub("H").model_copy(update={"name": "Airport of the Hills"})
    page = opened(a_network([*flights("H", "I")], home, hubs="I"))

    page.fill("#find", "airport of")
    page.keyboard.press("Enter")

    expect(page.locator("#map .hoverlayer")).to_contain_text("Airport of the Hills · H")
    page.fill("#find", "Atlantis")
    page.keyboard.press("Enter")
    assert page.locator("#find:invalid").count() == 1


def test_names_are_shown_as_they_are_and_never_run(opened):
    legs = roads("A", "B")
    fcs = [an_fc(code).model_copy(update={"name": EVIL, "state": EVIL}) for code in ("A", "B")]
    page = opened(a_network(legs, *fcs).model_copy(update={"attribution": EVIL}), "A", "B")

    assert page.title() == f"{EVIL} (A) to {EVIL} (B)"
    assert page.locator("footer").inner_text() == EVIL
    assert page.locator("img").count() == 0
    page.fill("#find", "A")
    page.keyboard.press("Enter")
    expect(page.locator("#map .hoverlayer")).to_contain_text("onerror")
    assert page.title() == f"{EVIL} (A) to {EVIL} (B)"
