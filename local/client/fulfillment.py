"""Easy Fulfillment, for programs."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from fulfillment_app.chalicelib.api.rebuilds import RebuildAccepted
from fulfillment_app.chalicelib.api.routes import RouteTablePage
from fulfillment_app.chalicelib.services.dry_runs import DryRun
from fulfillment_app.chalicelib.services.packages import PackageInFull
from fulfillment_app.chalicelib.services.route_views import PathView, Row
from online_kart.domain.facilities import FulfillmentCenter, Hub
from online_kart.domain.route_builds import RouteBuild
from online_kart.domain.runs import Run
from online_kart.domain.sellers import Seller
from online_kart.domain.stock import StockLevel
from online_kart.http import PAGE_SIZE_MAX

from .app import PAGES_MAX, App, Endless
from .refused import Refused

HUBS, CENTERS = "/hubs", "/fulfillment-centers"


class Fulfillment(App):
    """What FC people, planners and auditors ask. Every method raises Refused."""

    # -- the network

    def hub(self, hub_code: str) -> Hub:
        return self._one(Hub, f"{HUBS}/{hub_code}")

    def hubs(self) -> Iterator[Hub]:
        return self._rows(Hub, HUBS)

    def fulfillment_center(self, fc_code: str) -> FulfillmentCenter:
        return self._one(FulfillmentCenter, f"{CENTERS}/{fc_code}")

    def closing(self, facility: str) -> DryRun:
        """What closing the hub or FC would do. Nothing is changed."""
        path = f"{self._place_of(facility)}/closure"
        return self._made(DryRun, path, None, dry_run=True)

    def close_facility(self, facility: str) -> RebuildAccepted:
        """The hub or FC takes no new work from now on, and the route tables are built anew."""
        return self._made(RebuildAccepted, f"{self._place_of(facility)}/closure", None)

    def _place_of(self, facility: str) -> str:
        """The path of the hub of that code, or else of the FC."""
        try:
            return f"{HUBS}/{self.hub(facility).hub_code}"
        except Refused as refused:
            if refused.type != "NotFound":
                raise
        return f"{CENTERS}/{self.fulfillment_center(facility).fc_code}"

    # -- routes

    def route_table(self, facility: str) -> RouteTablePage:
        """The whole table of one version, as one page."""
        cursor, rows = None, list[Row]()
        for _ in range(PAGES_MAX):
            path = f"/route-tables/{facility}"
            page = RouteTablePage.model_validate(
                self.get(path, limit=PAGE_SIZE_MAX, cursor=cursor), extra="ignore"
            )
            rows += page.items
            cursor = page.next_cursor
            if cursor is None:
                return page.model_copy(update={"items": rows})
        raise Endless(path)

    def path(self, origin: str, to_pincode: int) -> PathView:
        asked: dict[str, Any] = {"from": origin, "to_pincode": to_pincode}
        return self._one(PathView, "/paths", **asked)

    def build(self, version: int) -> RouteBuild:
        """How far the build of a version of the route tables is."""
        return self._one(RouteBuild, f"/route-tables/rebuilds/{version}")

    # -- what is in the FCs, and on its way

    def stock(
        self, fc_code: str, sku: str | None = None, seller_id: UUID | None = None
    ) -> Iterator[StockLevel]:
        path = f"{CENTERS}/{fc_code}/stock"
        return self._rows(StockLevel, path, sku=sku, seller_id=seller_id)

    def package(self, package_id: UUID) -> PackageInFull:
        """With its path and events."""
        return self._one(PackageInFull, f"/packages/{package_id}")

    # -- who sells, and what runs

    def sellers(self) -> Iterator[Seller]:
        return self._rows(Seller, "/sellers")

    def runs(self, status: str | None = None, machine: str | None = None) -> Iterator[Run]:
        """Of state machines, the newest first."""
        return self._rows(Run, "/runs", status=status, machine=machine)
