"""/holidays: the days on which one FC, or every FC, neither handles orders nor delivers."""

from datetime import date

from chalice import Blueprint, Response

from online_kart.contract import operation, pages
from online_kart.domain.errors import HolidayExists, NotFound, TooManyHolidays
from online_kart.domain.holidays import Holiday, HolidayKey
from online_kart.domain.principals import PLANNERS_ACT, STAFF_SEES
from online_kart.domain.values import AskedDay, FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_query,
)

from .. import wiring
from ..services import holidays
from .rebuilds import REBUILD, rebuild_accepted
from .repeats import repeats

holidays_api = Blueprint(__name__)


class HolidaysQuery(Query):
    """`fc_code`: the days on which it is closed, its own and every FC's. `since`: from that day on."""

    fc_code: FacilityCode | None = None
    since: AskedDay | None = None


@holidays_api.route("/holidays", methods=["POST"])
@operation(
    REBUILD, body=Holiday, errors=(NotFound, HolidayExists, TooManyHolidays), access=PLANNERS_ACT
)
@errors_to_http
@repeats.safe(holidays_api)
def add_holiday() -> Response:
    """Without `fc_code` it is every FC's."""
    holiday = read_body(holidays_api.current_request, Holiday)
    return rebuild_accepted(holidays.add(wiring.inventory_db(), holiday, wiring.now()))


@holidays_api.route("/holidays", methods=["GET"])
@operation(pages(Holiday), query=HolidaysQuery, access=STAFF_SEES)
@errors_to_http
def list_holidays() -> Response:
    """By day."""
    query = read_query(holidays_api.current_request, HolidaysQuery)
    start = after(query.cursor, tuple[date, str])
    conn = wiring.inventory_db()
    rows = holidays.listed(conn, query.fc_code, query.since, start, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda each: (each.day, each.fc_code or "")))


@holidays_api.route("/holidays", methods=["DELETE"])
@operation(REBUILD, query=HolidayKey, errors=(NotFound,), access=PLANNERS_ACT)
@errors_to_http
def remove_holiday() -> Response:
    """`?day=2026-08-15`, and `&fc_code=BLR1` where it is that FC's alone."""
    key = read_query(holidays_api.current_request, HolidayKey)
    return rebuild_accepted(holidays.remove(wiring.inventory_db(), key, wiring.now()))
