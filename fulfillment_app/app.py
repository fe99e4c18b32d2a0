"""Easy Fulfillment: fulfillment centers, hubs, routes, batches. Makes the Chalice app and registers its parts."""

from chalice import Chalice
from chalicelib import jobs, subscribers, wiring
from chalicelib.api import (
    batches as batches_api,
    catalog as catalog_api,
    deliveries as deliveries_api,
    documentation as documentation_api,
    facilities as facilities_api,
    health as health_api,
    holidays as holidays_api,
    inbound as inbound_api,
    loads as loads_api,
    network_health as network_health_api,
    order_log as order_log_api,
    packages as packages_api,
    packing as packing_api,
    pickups as pickups_api,
    pincodes as pincodes_api,
    projections as projections_api,
    promises as promises_api,
    reconciliations as reconciliations_api,
    recoveries as recoveries_api,
    returns as returns_api,
    routes as routes_api,
    runs as runs_api,
    sales as sales_api,
    scans as scans_api,
    sellers as sellers_api,
    stock as stock_api,
)
from chalicelib.steps import (
    cancel_order,
    move_batch,
    place_order,
    rebuild_routes,
    receive_shipment,
    reconcile,
)

from online_kart.authorization import protect
from online_kart.logs import with_correlation_id
from online_kart.request_ids import with_request_id

app = Chalice(app_name="fulfillment")
app.middleware("http")(with_request_id)
for kind in ("pure_lambda", "sqs", "scheduled"):
    app.middleware(kind)(with_correlation_id)

for part in (
    batches_api.batches_api,
    catalog_api.catalog_api,
    deliveries_api.deliveries_api,
    documentation_api.documentation_api,
    facilities_api.facilities_api,
    health_api.health_api,
    holidays_api.holidays_api,
    inbound_api.inbound_api,
    loads_api.loads_api,
    network_health_api.network_health_api,
    order_log_api.order_log_api,
    packages_api.packages_api,
    packing_api.packing_api,
    pickups_api.pickups_api,
    pincodes_api.pincodes_api,
    projections_api.projections_api,
    promises_api.promises_api,
    reconciliations_api.reconciliations_api,
    recoveries_api.recoveries_api,
    returns_api.returns_api,
    routes_api.routes_api,
    runs_api.runs_api,
    sales_api.sales_api,
    scans_api.scans_api,
    sellers_api.sellers_api,
    stock_api.stock_api,
    cancel_order.cancel_order_steps,
    move_batch.move_batch_steps,
    place_order.place_order_steps,
    rebuild_routes.rebuild_routes_steps,
    receive_shipment.receive_shipment_steps,
    reconcile.reconcile_steps,
    subscribers.subscribers,
    jobs.jobs,
):
    app.register_blueprint(part)

verify_token = protect(app, lambda: wiring.tokens())  # what is wired when it is asked
