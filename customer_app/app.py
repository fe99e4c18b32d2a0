"""The Customer App: owns the customer database. Makes the Chalice app and registers its parts; nothing else."""

from chalice import Chalice
from chalicelib import jobs, subscribers, wiring
from chalicelib.api import (
    addresses,
    catalog,
    customers,
    documentation,
    health,
    orders,
    payouts,
    projections,
    quotes,
    returns,
    tracking,
)
from chalicelib.steps import cancel_order, place_order, reconcile

from online_kart.authorization import protect
from online_kart.logs import with_correlation_id
from online_kart.request_ids import with_request_id

app = Chalice(app_name="customer")
app.middleware("http")(with_request_id)
for kind in ("pure_lambda", "sqs", "scheduled"):
    app.middleware(kind)(with_correlation_id)

for part in (
    addresses.addresses_api,
    catalog.catalog_api,
    customers.customers_api,
    documentation.documentation_api,
    health.health_api,
    orders.orders_api,
    payouts.payouts_api,
    projections.projections_api,
    quotes.quotes_api,
    returns.returns_api,
    tracking.tracking_api,
    cancel_order.cancel_order_steps,
    place_order.place_order_steps,
    reconcile.reconcile_steps,
    subscribers.subscribers,
    jobs.jobs,
):
    app.register_blueprint(part)

verify_token = protect(app, lambda: wiring.tokens())  # what is wired when it is asked
