"""Rules of a network, and that a file which breaks one is told the entry."""

import json

import pytest

from online_kart.domain.errors import InvalidNetwork, NotServed
from online_kart.domain.network import PROBLEMS_MAX, Mode, Network, parse_network
from tests.builders import a_network, pincode_of, roads

FC = {"kind": "fc", "handling_minutes": 30, "latitude": 12.9, "longitude": 77.5}
BLR1 = FC | {"code": "BLR1", "pincode_ranges": [[560001, 560099]]}
MYS1 = FC | {"code": "MYS1", "pincode_ranges": [[570001, 570099]]}
BLR = FC | {"code": "BLR", "kind": "airport"}
MAA = FC | {"code": "INMAA", "kind": "seaport"}
ROAD = {"origin": "BLR1", "destination": "MYS1", "mode": "road", "transit_minutes": 50}


def problems_of(facilities=(BLR1, MYS1, BLR, MAA), legs=(ROAD,), **fields) -> tuple[str, ...]:
    text = json.dumps({"facilities": facilities, "legs": legs, **fields})
    with pytest.raises(InvalidNetwork) as raised:
        parse_network(text)
    return raised.value.problems


def test_the_file_of_the_readme_is_read():
    network = parse_network(
        json.dumps({"hop_limit": 3, "facilities": [BLR1, MYS1, BLR, MAA], "legs": [ROAD]})
    )
    assert network.hop_limit == 3
    assert [fc.code for fc in network.fcs] == ["BLR1", "MYS1"]
    assert [hub.code for hub in network.hubs] == ["BLR", "INMAA"]
    assert network.cost_minutes(network.legs[0]) == 80
    assert network.legs[0].mode is Mode.ROAD


def test_the_hop_limit_is_four_unless_the_file_says_otherwise():
    assert parse_network('{"facilities": [], "legs": []}').hop_limit == 4


def test_what_a_network_writes_it_reads_again():
    network = a_network(roads("A", "B", "H"), hubs="H")
    assert parse_network(network.model_dump_json()) == network


@pytest.mark.parametrize(
    ("entry", "broken"),
    [
        ({"facilities": [BLR1, BLR1]}, 'facilities[1]: code "BLR1" is already that of'),
        ({"facilities": [BLR | {"pincode_ranges": [[560001, 560002]]}]}, 'facilities[0]: "BLR" is'),
        ({"facilities": [BLR | {"holidays": ["2026-03-04"]}]}, 'facilities[0]: "BLR" is a hub'),
        ({"facilities": [BLR1 | {"holidays": ["4 March"]}]}, "facilities[0].holidays[0]: "),
        ({"facilities": [BLR1 | {"closed_weekdays": ["Sun"]}]}, "facilities[0].closed_weekdays"),
        ({"facilities": [BLR1 | {"time_zone": "Asia/Nowhere"}]}, 'facilities[0]: "Asia/Nowhere"'),
        ({"facilities": [BLR1 | {"cut_off": "18:00+05:30"}]}, "facilities[0].cut_off: "),
        ({"facilities": [BLR1 | {"code": "no spaces"}]}, "facilities[0].code: "),
        ({"facilities": [BLR1 | {"kind": "depot"}]}, "facilities[0].kind: "),
        ({"facilities": [BLR1 | {"handling_minutes": "30"}]}, "facilities[0].handling_minutes: "),
        ({"facilities": [BLR1 | {"handling_minutes": -1}]}, "facilities[0].handling_minutes: "),
        ({"facilities": [BLR1 | {"latitude": 91}]}, "facilities[0].latitude: "),
        ({"facilities": [BLR1 | {"color": "red"}]}, "facilities[0].color: "),
        (
            {"facilities": [BLR1 | {"pincode_ranges": [[5, 560001]]}]},
            "facilities[0].pincode_ranges",
        ),
        ({"legs": [ROAD, ROAD | {"origin": "XXX"}]}, 'legs[1]: origin "XXX" is not a facility'),
        ({"legs": [ROAD | {"destination": "XXX"}]}, 'legs[0]: destination "XXX" is not a facility'),
        ({"legs": [ROAD | {"destination": "BLR1"}]}, "legs[0]: origin and destination are both"),
        ({"legs": [ROAD, ROAD | {"transit_minutes": 9}]}, "legs[1]: there is already a road leg"),
        ({"legs": [ROAD | {"mode": "air"}]}, 'legs[0]: air from "BLR1" to "MYS1"'),
        ({"legs": [ROAD | {"mode": "sea", "origin": "BLR"}]}, 'legs[0]: sea from "BLR" to "MYS1"'),
        ({"legs": [ROAD | {"mode": "air", "destination": "BLR"}]}, 'legs[0]: air from "BLR1"'),
        ({"legs": [ROAD | {"mode": "rail"}]}, "legs[0].mode: "),
        ({"legs": [ROAD | {"transit_minutes": 1.5}]}, "legs[0].transit_minutes: "),
        ({"legs": [ROAD | {"departure_times": ["25:00"]}]}, "legs[0].departure_times[0]: "),
        (
            {"legs": [ROAD | {"departure_times": ["06:30", "noon"]}]},
            "legs[0].departure_times[1]: Value error, write",
        ),
        ({"legs": [{"origin": "BLR1"}]}, "legs[0].destination: Field required"),
        ({"legs": 3}, "legs: "),
        ({"hop_limit": 0}, "hop_limit: "),
        ({"hop_limit": 17}, "hop_limit: "),
        ({"hops": 4}, "hops: "),
    ],
)
def test_a_broken_rule_is_told_with_its_entry(entry, broken):
    assert problems_of(**entry)[0].startswith(broken)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"legs": []}', b"\xff\xfe"])
def test_a_file_that_holds_no_network_is_refused(text):
    with pytest.raises(InvalidNetwork):
        parse_network(text)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([[560001, 560099]], [[560099, 560200]]),
        ([[560001, 560099]], [[560010, 560020]]),
        ([[560001, 560099]], [[560001, 560099]]),
        ([[560001, 560099], [560050, 560060]], []),
    ],
)
def test_no_pincode_is_served_twice(first, second):
    facilities = [BLR1 | {"pincode_ranges": first}, MYS1 | {"pincode_ranges": second}]
    (problem,) = problems_of(facilities, ())
    assert "overlaps facilities[0].pincode_ranges[0]" in problem


def test_a_range_inside_an_earlier_one_is_found_though_others_lie_between():
    facilities = [
        BLR1 | {"pincode_ranges": [[560001, 560099]]},
        MYS1 | {"pincode_ranges": [[560002, 560003], [560050, 560060]]},
    ]
    problems = problems_of(facilities, ())
    assert [problem.split(" ")[0] for problem in problems] == [
        "facilities[1].pincode_ranges[0]",
        "facilities[1].pincode_ranges[1]",
    ]


def test_a_range_that_ends_before_it_begins_is_told():
    (problem,) = problems_of([BLR1 | {"pincode_ranges": [[560099, 560001]]}], ())
    assert problem.startswith("facilities[0].pincode_ranges[0] (560099–560001")


def test_neighbouring_ranges_and_legs_of_two_modes_are_well():
    hubs = [BLR, MAA]
    legs = [
        {"origin": "BLR", "destination": "INMAA", "mode": mode, "transit_minutes": 9}
        for mode in ("road", "air", "sea")
    ]
    neighbours = BLR1 | {"pincode_ranges": [[560001, 560099], [560100, 560200]]}
    network = parse_network(json.dumps({"facilities": [neighbours, *hubs], "legs": legs}))
    assert len(network.legs) == 3


def test_every_problem_is_told_up_to_a_limit():
    many = [ROAD | {"origin": f"X{number}"} for number in range(100)]
    assert len(problems_of(legs=many[:5])) == 5
    assert len(problems_of(legs=many)) == PROBLEMS_MAX


@pytest.mark.parametrize("outside", [560000, 560100, 570050, 999999])
def test_a_pincode_is_served_by_the_fc_of_its_range_or_by_none(outside):
    network = parse_network(json.dumps({"facilities": [BLR1], "legs": []}))
    assert {network.fc_serving(pincode) for pincode in (560001, 560050, 560099)} == {"BLR1"}
    with pytest.raises(NotServed):
        network.fc_serving(outside)


def test_a_network_without_pincodes_serves_none():
    with pytest.raises(NotServed):
        Network(facilities=(), legs=()).fc_serving(560001)


def test_the_builders_give_every_fc_pincodes_of_its_own():
    network = a_network(roads("A", "B", "C"))
    assert [network.fc_serving(pincode_of(network, code)) for code in "ABC"] == ["A", "B", "C"]
