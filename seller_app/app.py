"""The Seller Application: sellers, their items and shipments. Makes the Chalice app and registers its parts; nothing else."""

from chalice import Chalice
from chalicelib import jobs, subscribers, wiring
from chalicelib.api import (
    documentation,
    health,
    inbound,
    items,
    prices,
    sales,
    sellers,
    stock,
    stock_suggestions,
)

from online_kart.authorization import protect
from online_kart.logs import with_correlation_id
from online_kart.request_ids import with_request_id

app = Chalice(app_name="seller")
app.middleware("http")(with_request_id)
for kind in ("pure_lambda", "sqs", "scheduled"):
    app.middleware(kind)(with_correlation_id)

for part in (
    documentation.documentation_api,
    health.health_api,
    inbound.inbound_api,
    items.items_api,
    prices.prices_api,
    sales.sales_api,
    sellers.sellers_api,
    stock.stock_api,
    stock_suggestions.stock_suggestions_api,
    subscribers.subscribers,
    jobs.jobs,
):
    app.register_blueprint(part)

verify_token = protect(app, lambda: wiring.tokens())  # what is wired when it is asked
