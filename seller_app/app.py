"""The Seller Application: sellers, their items and shipments. Makes the Chalice app and registers its parts; nothing else."""

from chalice import Chalice
from chalicelib import subscribers
from chalicelib.api import documentation, health, inbound, items, prices, sales, sellers, stock

app = Chalice(app_name="seller")

for part in (
    documentation.documentation_api,
    health.health_api,
    inbound.inbound_api,
    items.items_api,
    prices.prices_api,
    sales.sales_api,
    sellers.sellers_api,
    stock.stock_api,
    subscribers.subscribers,
):
    app.register_blueprint(part)
