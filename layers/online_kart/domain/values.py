"""Small values with a rule of their own: pincodes, SKUs, codes, money, times."""

import re
from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)

PINCODE_MIN = 100_000
PINCODE_MAX = 999_999

Pincode = Annotated[int, Field(ge=PINCODE_MIN, le=PINCODE_MAX, examples=[560001])]
"""A six-digit Indian postal code."""

PincodeRange = tuple[Pincode, Pincode]
"""(first, last), both inclusive."""

FacilityCode = Annotated[
    str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,9}$"), Field(examples=["BLR1"])
]
"""An FC's code (`BLR1`), or a hub's: IATA (`BLR`) or UN/LOCODE (`INMAA`)."""

Sku = Annotated[
    str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$"), Field(examples=["MUG-350ML"])
]
PAISE_MAX = 10**12
Paise = Annotated[int, Field(ge=0, le=PAISE_MAX, examples=[129_900])]
"""Money: an integer of paise (1 rupee = 100 paise)."""

QUANTITY_MAX = 1_000_000
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
Minutes = Annotated[int, Field(ge=0, le=60 * 24 * 60)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
_MARK = r"[^\s\x85\ufeff]"
"""What is no blank, for whoever reads the schema: languages disagree about the two."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": _MARK}),
]
Sentence = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=500),
    Field(json_schema_extra={"pattern": rf"{_MARK}[\s\S]+{_MARK}"}),
]
"""Why somebody did something, in their own words."""

Instant = AwareDatetime
"""A moment with a time zone. We store and compare in UTC and show in the shop's zone."""


def _without_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("a local time has no zone: it is its facility's")
    return value


LocalTime = Annotated[
    time,
    AfterValidator(_without_zone),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$",
            "examples": ["18:00:00"],
        }
    ),
]
"""A time of day at a facility, such as `18:00:00`."""


# What clients write: as RFC 3339 has it. Pydantic takes a number of seconds for a moment as well, also within a text.

_DATE = r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
_ZONE = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_MOMENT = f"^{_DATE}[Tt ]{_TIME}{_ZONE}$"
_DAY = f"^{_DATE}$"


def _instant_of(value: Any) -> Any:
    """A `+` that the decoding of a URL took for a blank is one again."""
    if isinstance(value, datetime):
        return value
    text = re.sub(r" ([0-9]{2}:[0-9]{2})$", r"+\1", value) if isinstance(value, str) else ""
    if not re.fullmatch(_MOMENT, text):
        raise ValueError("write a moment of this century, such as 2026-03-02T10:00:00+05:30")
    return datetime.fromisoformat(text.upper())


def _day_of(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(_DAY, value):
        return date.fromisoformat(value)
    raise ValueError("write a day of this century, such as 2026-03-02")


AskedInstant = Annotated[
    AwareDatetime, BeforeValidator(_instant_of), Field(json_schema_extra={"pattern": _MOMENT})
]
"""A moment that a client names. No plan that begins in these years ends where dates do."""

AskedDay = Annotated[date, BeforeValidator(_day_of), Field(json_schema_extra={"pattern": _DAY})]
"""A day that a client names."""
