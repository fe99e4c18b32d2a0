"""The Seller Application, for programs."""

from collections.abc import Iterator
from uuid import UUID

from online_kart.domain.inbound import AnnounceShipment, ShownShipment
from online_kart.domain.sellers import (
    OfferedItem,
    RegisterItem,
    RegisterSeller,
    Seller,
    StockOfOffer,
)

from .app import App


class Sellers(App):
    """What sellers ask. Every method raises Refused. `key`: an Idempotency-Key of the caller's."""

    def register(self, seller: RegisterSeller, key: str | None = None) -> Seller:
        return self._made(Seller, "/sellers", seller, key)

    def seller(self, seller_id: UUID) -> Seller:
        return self._one(Seller, f"/sellers/{seller_id}")

    def register_item(
        self, seller_id: UUID, item: RegisterItem, key: str | None = None
    ) -> OfferedItem:
        return self._made(OfferedItem, f"/sellers/{seller_id}/items", item, key)

    def announce(
        self, seller_id: UUID, shipment: AnnounceShipment, key: str | None = None
    ) -> ShownShipment:
        return self._made(ShownShipment, f"/sellers/{seller_id}/inbound-shipments", shipment, key)

    def stock(
        self, seller_id: UUID, sku: str | None = None, fc_code: str | None = None
    ) -> Iterator[StockOfOffer]:
        return self._rows(StockOfOffer, f"/sellers/{seller_id}/stock", sku=sku, fc_code=fc_code)
