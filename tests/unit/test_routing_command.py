"""`python -m online_kart.routing`: JSON out, errors with their entry, exit codes."""

import io
import json

import pytest

from online_kart.domain.routes import RouteTable
from online_kart.routing.__main__ import main
from online_kart.routing.tables import Router
from tests.brute_force import BruteForce
from tests.builders import a_network, flights, pincode_of, roads

LEGS = [*roads("A", "B", "H"), *roads("H", "B", "A"), *flights("H", "I"), *roads("I", "C")]
NETWORK = a_network(LEGS, hubs="H I", hop_limit=2, handling_minutes=5)


@pytest.fixture
def network_file(tmp_path):
    file = tmp_path / "network.json"
    file.write_text(NETWORK.model_dump_json(exclude_defaults=True))
    return str(file)


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    return main(arguments, out), out.getvalue()


def test_tables_prints_every_table_and_the_health_of_the_network(network_file):
    code, text = run("tables", network_file)
    printed = json.loads(text)
    assert code == 0
    assert printed["hop_limit"] == 2
    tables = [RouteTable.from_document(document) for document in printed["tables"]]
    assert tables == list(Router(NETWORK).tables())
    assert printed["health"]["unreachable"] == [["C", "A"], ["C", "B"]]


def test_all_pairs_prints_a_line_for_every_ordered_pair_of_fcs(network_file):
    code, text = run("plan", network_file, "--all-pairs")
    lines = [json.loads(line) for line in text.splitlines()]
    assert code == 0
    assert sorted((line["origin"], line["destination"]) for line in lines) == [
        *[("A", "B"), ("A", "C"), ("B", "A"), ("B", "C"), ("C", "A"), ("C", "B")]
    ]
    slow = BruteForce(NETWORK)
    for line in lines:
        way = slow.choice(line["origin"], line["destination"], 2)
        assert line["minutes"] == (way and way.minutes)
        assert line["hops"] == (way and way.legs) == (line["path"] and len(line["path"]) - 1)
    assert {"origin": "C", "destination": "A", "path": None, "minutes": None, "hops": None} in lines
    expected = {"path": ["A", "B", "H", "I", "C"], "minutes": 110, "hops": 4}
    assert {"origin": "A", "destination": "C", **expected} in lines


def test_from_and_to_prints_the_path_with_its_stops_and_budgets(network_file):
    code, text = run("plan", network_file, "--from", "A", "--to", str(pincode_of(NETWORK, "C")))
    printed = json.loads(text)
    assert code == 0
    assert printed["destination"] == "C"
    assert (printed["minutes"], printed["hops"]) == (110, 4)
    assert printed["stops"] == [
        {"facility": "A", "minutes": 0, "budget": 2},
        {"facility": "B", "minutes": 15, "budget": 1},
        {"facility": "H", "minutes": 30, "budget": 2},
        {"facility": "I", "minutes": 95, "budget": 2},
        {"facility": "C", "minutes": 110, "budget": 1},
    ]
    assert printed["legs"][2] == {"origin": "H", "destination": "I", "mode": "air", "minutes": 65}


def test_a_plan_says_why_and_on_paper_without_times(network_file):
    _, text = run("plan", network_file, "--from", "A", "--to", "C")
    why = json.loads(text)["why"]
    land, by_hub = why["candidates"]
    assert why["chosen"] == "by_hub"
    assert (land["minutes"], land["why_not"]) == (None, "no way leads there by land in 2 legs")
    assert (by_hub["minutes"], by_hub["gateway"], by_hub["home_hub"]) == (110, "H", "I")
    assert [leg["budget_after"] for leg in why["legs"]] == [1, 2, 2, 1]
    assert {leg["waiting_minutes"] for leg in why["legs"]} == {None}
    assert why["promise_date"] is None


def test_a_plan_at_an_instant_is_the_fastest_path_then_with_its_times(network_file):
    asked = ("plan", network_file, "--from", "A", "--to", "C")
    code, text = run(*asked, "--depart-at", "2026-03-02T10:00:00+05:30")
    printed = json.loads(text)
    assert (code, printed["minutes"], printed["hops"]) == (0, 110, 4)
    why = printed["why"]
    # By the grid: from A at 12:00, from B at 16:00, the flight at 18:00, from I at 20:00.
    assert [leg["waiting_minutes"] for leg in why["legs"]] == [115, 225, 105, 55]
    assert [leg["handling_minutes"] for leg in why["legs"]] == [5, 5, 5, 5]
    assert why["legs"][2]["departs_at"] == "2026-03-02T12:30:00Z"
    assert why["handled_at"] == "2026-03-02T14:45:00Z"
    assert why["promise_date"] == "2026-03-03"


def test_a_plan_may_begin_at_a_hub_and_end_at_an_fc_by_its_code(network_file):
    code, text = run("plan", network_file, "--from", "H", "--to", "C")
    assert (code, json.loads(text)["path"]) == (0, ["H", "I", "C"])


def test_a_plan_to_where_it_begins_is_that_place(network_file):
    _, text = run("plan", network_file, "--from", "A", "--to", "A")
    printed = json.loads(text)
    assert (printed["path"], printed["minutes"], printed["hops"]) == (["A"], 0, 0)


@pytest.mark.parametrize(("origin", "to"), [("C", "A"), ("A", "999999")])
def test_no_path_is_null_and_exit_code_1(network_file, capsys, origin, to):
    code, text = run("plan", network_file, "--from", origin, "--to", to)
    assert (code, json.loads(text)["path"]) == (1, None)
    assert f"{origin} to {to}" in capsys.readouterr().err


@pytest.mark.parametrize("at", [(), ("--depart-at", "2026-03-02T04:30:00Z")])
def test_where_there_is_no_path_the_candidates_say_why(network_file, at):
    _, text = run("plan", network_file, "--from", "C", "--to", "A", *at)
    why = json.loads(text)["why"]
    assert (why["chosen"], why["legs"]) == (None, [])
    assert [each["why_not"] for each in why["candidates"]] == [
        "no way leads there by land in 2 legs",
        "no hub is within 2 legs",
    ]


def test_the_hop_limit_can_be_another_than_the_files(network_file):
    _, text = run("plan", network_file, "--from", "A", "--to", "C", "--hop-limit", "1")
    assert json.loads(text)["path"] is None
    assert json.loads(run("tables", network_file, "--hop-limit", "3")[1])["hop_limit"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "X", "--to", "110000"], '--from: "X" is not a facility'),
        (["--from", "A", "--to", "11"], '--to: "11" is neither'),
        (["--from", "A", "--to", "H"], '--to: "H" is neither'),
        (["--from", "A"], "plan takes either"),
        (["--all-pairs", "--to", "110000"], "plan takes either"),
        (["--all-pairs", "--from", "A", "--to", "B"], "plan takes either"),
        ([], "plan takes either"),
        (["--all-pairs", "--hop-limit", "17"], "--hop-limit is from 1 to 16"),
        (["--all-pairs", "--depart-at", "2026-03-02T04:30:00Z"], "--depart-at goes with"),
        (["--from", "A", "--to", "B", "--depart-at", "noon"], '--depart-at: "noon" is not a'),
        (["--from", "A", "--to", "B", "--depart-at", "2026-03-02T10:00"], "with its time zone"),
        (["--from", "A", "--to", "B", "--depart-at", "0001-01-01T00:00Z"], "with its time zone"),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused(network_file, capsys, arguments, message):
    assert run("plan", network_file, *arguments) == (2, "")
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "should be an object"),
        ('{"facilities": [], "legs": [], "leg": []}', "leg: Extra inputs"),
        ('{"facilities": [{"code": "A"}], "legs": []}', "facilities[0].kind: Field required"),
        (
            '{"facilities": [], "legs": [{"origin": "XXX", "destination": "Y", "mode": "road", '
            '"transit_minutes": 5}]}',
            'legs[0]: origin "XXX" is not a facility',
        ),
        (
            '{"facilities": [], "legs": [{"origin": "XXX", "destination": "Y", "mode": "road", '
            '"transit_minutes": "5"}]}',
            "legs[0].transit_minutes: Input should be a valid integer, not '5'",
        ),
    ],
)
@pytest.mark.parametrize("command", [["tables"], ["plan", "--all-pairs"]])
def test_a_file_that_breaks_a_rule_is_refused_by_entry(tmp_path, capsys, command, text, message):
    file = tmp_path / "broken.json"
    file.write_text(text)
    assert run(*command, str(file)) == (2, "")
    errors = capsys.readouterr().err
    assert message in errors
    assert str(file) in errors


def test_a_file_that_cannot_be_read_is_refused(tmp_path, capsys):
    assert run("tables", str(tmp_path / "missing.json")) == (2, "")
    assert run("tables", str(tmp_path)) == (2, "")
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["draw", "x"], ["tables"], ["plan", "x", "--hop-limit", "y"]]
)
def test_a_usage_error_has_exit_code_2(arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2


def test_health_prints_what_the_network_cannot_do_and_hangs_on(network_file, tmp_path):
    wanted = tmp_path / "pincodes.txt"
    wanted.write_text(f"{pincode_of(NETWORK, 'C')}\n999999 ")

    code, text = run("health", network_file, "--pincodes", str(wanted))

    printed = json.loads(text)
    assert code == 0
    assert printed["unreachable"] == [["C", "A"], ["C", "B"]]
    assert printed["fcs_without_gateway"] == ["C"]
    assert printed["unserved_pincodes"] == [999999]
    assert printed["single_points_of_failure"] == {"count": 3, "first": ["B", "H", "I"]}
    assert printed["bridges"]["first"] == [["A", "B"], ["B", "H"], ["C", "I"], ["H", "I"]]


@pytest.mark.parametrize("text", ["12345", "abcdef", "\udc80"])
def test_pincodes_that_are_none_are_refused(network_file, tmp_path, text, capsys):
    wanted = tmp_path / "pincodes.txt"
    wanted.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert run("health", network_file, "--pincodes", str(wanted)) == (2, "")
    assert "--pincodes" in capsys.readouterr().err
