"""/deliveries: packages on their last mile, and how each attempt ended."""

from typing import Annotated, Literal, Self
from uuid import UUID

from chalice import Blueprint, Response
from pydantic import Field, StringConstraints, model_validator

from online_kart.contract import ok, operation, pages
from online_kart.domain.base import Model, example
from online_kart.domain.deliveries import ATTEMPTS_MAX, Delivery, DeliveryStatus, Outcome
from online_kart.domain.errors import (
    AttemptConflict,
    BatchAlreadyClosed,
    NoRoute,
    NotFound,
    NotOnPath,
    NotYourFacility,
    PackageStatusConflict,
)
from online_kart.domain.principals import FC_STAFF_ACTS, STAFF_SEES, Principal
from online_kart.domain.values import FacilityCode
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
)
from online_kart.postgres import retrying
from online_kart.signed_in import principal_of

from .. import wiring
from ..services import deliveries
from .repeats import repeats

deliveries_api = Blueprint(__name__)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class DeliveriesQuery(Query):
    fc_code: FacilityCode | None = None
    status: DeliveryStatus | None = None


class TellOutcome(Model):
    """How an attempt ended: with the proof of delivery; with its number and why it failed; or why it was refused.

    What failed is tried again, three times in all. What its customer refused goes back to its origin at once.
    """

    model_config = example(outcome="delivered", proof="Signed by R. Iyer.")

    outcome: Literal["delivered", "failed", "refused"]
    proof: Words | None = None
    reason: Words | None = None
    attempt: Annotated[int, Field(ge=1, le=ATTEMPTS_MAX)] | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.outcome == "delivered" and not self.proof:
            raise ValueError("a delivery needs its proof")
        if self.outcome == "failed" and not (self.reason and self.attempt):
            raise ValueError("a failed attempt needs its number and a reason")
        if self.outcome == "refused" and not self.reason:
            raise ValueError("what was refused needs a reason")
        return self


@deliveries_api.route("/deliveries", methods=["GET"])
@operation(pages(Delivery), query=DeliveriesQuery, access=STAFF_SEES)
@errors_to_http
def list_deliveries() -> Response:
    """By FC, status and package. FC staff who name no FC: of theirs."""
    query = read_query(deliveries_api.current_request, DeliveriesQuery)
    rows = deliveries.listed(
        wiring.inventory_db(),
        principal_of(deliveries_api.current_request).facilities_seen(query.fc_code),
        query.status,
        after(query.cursor, tuple[str, str, UUID]),
        query.limit + 1,
    )
    return json_response(
        page_of(rows, query.limit, lambda row: (row.fc_code, row.status, row.package_id))
    )


@deliveries_api.route("/deliveries/{package_id}/outcomes", methods=["POST"])
@operation(
    ok(Outcome),
    path={"package_id": UUID},
    body=TellOutcome,
    errors=(
        NotFound,
        AttemptConflict,
        NotYourFacility,
        PackageStatusConflict,
        BatchAlreadyClosed,
        NoRoute,
        NotOnPath,
    ),
    access=FC_STAFF_ACTS,
)
@errors_to_http
@repeats.safe(deliveries_api)
def tell_outcome(package_id: str) -> Response:
    """Safe to repeat: an attempt ends once."""
    key: UUID = read_path(UUID, package_id, "package_id")
    told = read_body(deliveries_api.current_request, TellOutcome)
    by = principal_of(deliveries_api.current_request)
    outcome = retrying(lambda: _tell(by, key, told))
    wiring.nudge_relay()
    return json_response(outcome)


def _tell(by: Principal, package_id: UUID, told: TellOutcome) -> Outcome:
    conn, documents, now = wiring.inventory_db(), wiring.documents(), wiring.now()
    reason = told.reason or ""
    match told.outcome:
        case "delivered":
            return deliveries.delivered(conn, documents, by, package_id, told.proof or "", now)
        case "refused":
            return deliveries.refused(conn, documents, by, package_id, reason, now)
    return deliveries.failed(conn, documents, by, package_id, told.attempt or 1, reason, now)
