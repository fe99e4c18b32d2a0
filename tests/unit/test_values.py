"""What clients write, and what is no such thing: the schema and the model have to agree."""

from datetime import UTC, date, datetime

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from online_kart.domain.customers import Email
from online_kart.domain.values import AskedDay, AskedInstant, Name, Sentence
from tests.contracts import FORMATS

MOMENT = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:00:00+05:30",
        "2026-03-02T04:30:00Z",
        "2026-03-02t04:30:00.000z",
        "2026-03-02 04:30:00Z",
        "2026-03-02T10:00:00 05:30",  # as a URL's decoding leaves it
    ],
)
def test_a_moment_is_written_as_rfc_3339_has_it(text):
    assert TypeAdapter(AskedInstant).validate_python(text) == MOMENT


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "value",
    ['"0.5"', '"1772425800"', "1772425800", '"2026-03-02"', '"2026-03-02T10:00:00"', '"5941-08-05T06:21:33Z"'],
)  # fmt: skip
def test_a_number_of_seconds_is_no_moment_also_where_it_is_text(value, strict):
    with pytest.raises(ValidationError):
        TypeAdapter(AskedInstant).validate_json(value, strict=strict)


def test_a_day_is_a_date_of_this_century_and_no_number():
    day = TypeAdapter(AskedDay)

    assert day.validate_json('"2026-08-15"', strict=True) == date(2026, 8, 15)
    for value in ('"86400"', '"0431-05-25"', '"2026-08-15T00:00:00"', '"2026-02-30"', "5"):
        with pytest.raises(ValidationError):
            day.validate_json(value, strict=True)


@pytest.mark.parametrize(
    ("type_", "fits", "does_not"),
    [
        (Name, ["A", " A ", "\u0007"], ["", "  ", "\u2003", "\x85"]),
        (Sentence, ["too blue", "a b", "  abc  "], ["a", "  a  ", "ab "]),
        (Email, ["asha@example.com"], [" a@b.in ", "asha@example", "a@b@c.d", "a@b.\x85"]),
        (AskedDay, ["2026-08-15"], ["1999-12-31", "2100-01-01", "0"]),
        (AskedInstant, ["2026-03-02T04:30:00Z"], ["0.5", "1999-12-31T23:59:59Z", "2026-03-02"]),
    ],
)
def test_what_a_schema_says_of_a_text_is_what_is_taken(type_, fits, does_not):
    adapter = TypeAdapter(type_)
    schema = Draft202012Validator(adapter.json_schema(), format_checker=FORMATS)

    for text in fits:
        adapter.validate_python(text)
        assert schema.is_valid(text), text
    for text in does_not:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)
        assert not schema.is_valid(text), text
