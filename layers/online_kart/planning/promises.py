"""What each FC can promise a pincode: the date on which a package that is ordered at a moment would be at the door."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from ..domain.errors import NoRoute
from . import paths
from .routes import Routes


class Promise(NamedTuple):
    """The fields are in the order in which promises compare: the best one is the least."""

    promise_date: date
    minutes: int
    """Of the path, without waiting."""
    fc_code: str


def of_fcs(
    routes: Routes, fc_codes: Iterable[str], pincode: int, ordered_at: datetime
) -> dict[str, Promise]:
    """By FC; one from which no path leads to the pincode is left out. Raises NotServed."""
    found = ((code, _promise(routes, code, pincode, ordered_at)) for code in set(fc_codes))
    return {code: promise for code, promise in found if promise}


def _promise(routes: Routes, fc_code: str, pincode: int, ordered_at: datetime) -> Promise | None:
    try:
        found = paths.prospect(routes, fc_code, pincode, ordered_at)
    except NoRoute:
        return None
    return Promise(found.promise_date, found.minutes, fc_code)
