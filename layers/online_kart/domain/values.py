"""Small values with a rule of their own: pincodes, SKUs, codes, money, times."""

import re
from datetime import UTC, datetime, time
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
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
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


def _instant_of(value: Any) -> Any:
    """Of a text, and of no number. A `+` that the decoding of a URL took for a blank is one again."""
    if isinstance(value, str):
        return datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", value))
    if isinstance(value, datetime):
        return value
    raise ValueError("write a moment such as 2026-03-02T10:00:00+05:30")


AskedInstant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant_of),
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC)),
]
"""A moment that somebody asks about. No plan that begins in these years ends where dates do."""
