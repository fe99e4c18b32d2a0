"""What others rely on: the schemas of events, and the page that tells of them."""

import json
import re
from typing import Any, Literal

import pytest
from jsonschema import Draft4Validator
from moto.events.models import EventPattern
from pydantic import create_model

from local.event_changes import breaks
from local.event_examples import EXAMPLES
from local.event_schemas import (
    BreakingChange,
    envelope_of,
    page,
    path_of,
    schema_of,
    text_of,
    written_over,
)
from online_kart.documentation import EVENT_SCHEMAS, EVENTS
from online_kart.domain.events import Event, OrderPlaced, PackageChanged
from online_kart.messaging.published import INVENTORY_SOURCE, PUBLISHED, Published
from tests.contracts import FORMATS

STALE = "Run `python -m local.event_schemas`."


def errors(schema, envelope):
    return [
        error.message
        for error in Draft4Validator(schema, format_checker=FORMATS).iter_errors(envelope)
    ]


def committed(type_):
    return json.loads(path_of(PUBLISHED[type_]).read_text("utf-8"))


@pytest.fixture
def told():
    """A package's event as it is now, by its name: (type, and default or `...`)."""
    return {
        name: (field.annotation, field)
        for name, field in PackageChanged.model_fields.items()
        if name not in Event.model_fields
    }


def published(fields):
    """PackageChanged, if it had these fields."""
    event = create_model("PackageChanged", __base__=Event, __doc__="As if.", **fields)
    return Published(event, "package", INVENTORY_SOURCE)


def refused(fields):
    """What of it would break who relies on the schema that is committed."""
    changed = published(fields)
    with pytest.raises(BreakingChange) as caught:
        written_over(schema_of(changed), changed)
    return [line.removeprefix("/detail/") for line in caught.value.found]


# -- the files


@pytest.mark.parametrize("each", PUBLISHED.values(), ids=PUBLISHED)
def test_the_schema_of_each_published_event_is_up_to_date_and_its_example_fits_it(each):
    schema = written_over(schema_of(each), each)

    assert path_of(each).read_text("utf-8") == text_of(schema), STALE
    Draft4Validator.check_schema(schema)
    assert errors(schema, schema["example"]) == []


def test_the_page_of_events_is_up_to_date():
    assert EVENTS.read_text("utf-8") == page(), STALE


def test_a_schema_is_there_for_published_events_only_and_for_no_edition_to_come():
    found = [path.name.removesuffix(".json").split(".v") for path in EVENT_SCHEMAS.iterdir()]

    assert {type_ for type_, _ in found} == set(PUBLISHED) == set(EXAMPLES)
    assert all(1 <= int(edition) <= PUBLISHED[type_].edition for type_, edition in found)


@pytest.mark.parametrize(
    "harm",
    [
        {"detail-type": "OrderConfirmed"},
        {"source": "kart.inventory"},
        {"detail": {"to_pincode": "560001"}},
        {"detail": {"placed_at": "yesterday"}},
        {"detail": {"lines": []}},
        {"detail": {"edition": 2}},
        {"detail": {"order_id": "an order"}},
    ],
    ids=str,
)
def test_an_event_that_is_told_otherwise_does_not_fit_its_schema(harm):
    schema = committed("OrderPlaced")
    envelope = schema["example"]
    harmed = {**envelope, **harm, "detail": {**envelope["detail"], **harm.get("detail", {})}}

    assert errors(schema, envelope) == []
    assert len(errors(schema, harmed)) == 1


def test_an_event_of_before_its_newer_fields_came_fits_its_schema_still():
    envelope = committed("OrderPlaced")["example"]
    for newer in ("version", "revision", "by", "correlation_id"):
        del envelope["detail"][newer]

    assert errors(committed("OrderPlaced"), envelope) == []
    OrderPlaced.model_validate(envelope["detail"])  # and the apps read it, too


# -- what may change, and what may not


def test_an_event_as_it_is_and_with_a_field_more_that_can_be_missing_keeps_its_edition(told):
    for fields in (told, {**told, "weight_grams": (int | None, None)}):
        changed = published(fields)
        assert written_over(schema_of(changed), changed)


def test_a_field_that_is_gone_or_called_otherwise_needs_another_edition(told):
    assert refused({name: told[name] for name in told if name != "facility"}) == [
        "facility: is gone"
    ]
    renamed = {("state" if name == "what" else name): field for name, field in told.items()}
    assert refused(renamed) == ["what: is gone", "state: is required now"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"version": (str, ...)}, "version: type was 'integer', and is 'string'"),
        ({"what": (str | None, ...)}, "what: anyOf was None"),
        ({"what": (str, "planned")}, "what: can be absent now"),
        ({"fc_code": (str, ...)}, "fc_code: is required now"),
        ({"status": (str, ...)}, "status: enum was"),
        ({"order_id": (str, ...)}, "order_id: format was 'uuid'"),
    ],
    ids=str,
)
def test_a_field_of_another_type_or_newly_required_or_optional_needs_another_edition(
    told, changes, expected
):
    assert refused({**told, **changes})[0].startswith(expected)


def test_a_change_inside_a_line_of_an_order_is_seen():
    old, new = committed("OrderPlaced"), committed("OrderPlaced")
    line = new["definitions"]["EventLine"]
    del line["properties"]["quantity"]
    line["properties"]["sku"] |= {"pattern": "^[0-9]+$", "description": "Words may change."}

    found = list(breaks(old, new))

    assert {line.partition(":")[0] for line in found} == {
        "/EventLine/quantity",
        "/EventLine/sku",
    }


def test_the_next_edition_has_a_schema_beside_the_old_one_and_its_events_say_which_they_are(told):
    raised = published({**told, "edition": (Literal[2], 2), "version": (str, ...)})
    schema = written_over(schema_of(raised), raised)

    assert path_of(raised).name == "PackageChanged.v2.json"
    assert schema["properties"]["detail"]["properties"]["edition"]["enum"] == [2]
    assert "edition" in schema["properties"]["detail"]["required"]
    assert errors(schema, committed("PackageChanged")["example"]) != []


# -- to subscribe


def test_the_rule_on_the_page_takes_the_orders_events_of_this_edition_and_no_others():
    (pattern,) = (
        block
        for block in re.findall(r"```json\n(.*?)```", EVENTS.read_text("utf-8"), re.DOTALL)
        if "detail-type" in block
    )
    rule: Any = EventPattern.load(pattern)
    envelopes = {type_: envelope_of(PUBLISHED[type_], EXAMPLES[type_]) for type_ in PUBLISHED}

    assert {type_ for type_, envelope in envelopes.items() if rule.matches_event(envelope)} == set(
        json.loads(pattern)["detail-type"]
    )
    placed = envelopes["OrderPlaced"]
    assert not rule.matches_event({**placed, "detail": {**placed["detail"], "edition": 2}})
