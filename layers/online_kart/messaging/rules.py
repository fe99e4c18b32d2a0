"""Who hears what: one table, read by CDK (rules, queues, dead-letter queues) and by the local bus alike.

A consumer is a function behind a queue of its own, so that one that fails holds up no other.
"""

RUN_STATUS_CHANGE = "Step Functions Execution Status Change"
"""What AWS tells of Standard executions (source `aws.states`). Express ones tell nothing; their orders do."""

RULES: dict[str, tuple[str, ...]] = {
    # fulfillment_app
    "start_run": (
        "OrderPlaced",
        "CancellationRequested",
        "NetworkChanged",
        "BatchOpened",
        "ShipmentArrived",
        "ReconciliationRequested",
    ),
    "record_run": (
        RUN_STATUS_CHANGE,
        "OrderConfirmed",
        "OrderRejected",
        "OrderCancelled",
        "CancellationRefused",
    ),
    "confirm_reservations": ("OrderConfirmed",),
    "take_returns": ("ReturnRequested",),
    "log_orders": (
        "OrderPlaced",
        "OrderConfirmed",
        "OrderRejected",
        "CancellationRequested",
        "OrderCancelled",
        "CancellationRefused",
        "OrderFinished",
        "OrderReopened",
        "PackageChanged",
        "ReturnRequested",
        "ReturnPlanned",
        "ReturnReceived",
        "ReturnSettled",
        "ReturnPaid",
        "ReturnCancelled",
    ),
    # seller_app
    "project_seller_sales": ("SaleRecorded",),
    "log_price_changes": ("PriceChanged",),
    # customer_app
    "project_catalog": ("CategoryChanged", "ItemChanged", "OfferChanged", "AvailabilityChanged"),
    "track_packages": ("PackageChanged",),
    "track_returns": ("ReturnPlanned", "ReturnReceived", "ReturnCancelled"),
}

CONSUMERS_BY_APP: dict[str, tuple[str, ...]] = {
    "fulfillment_app": (
        "start_run",
        "record_run",
        "confirm_reservations",
        "take_returns",
        "log_orders",
    ),
    "seller_app": ("project_seller_sales", "log_price_changes"),
    "customer_app": ("project_catalog", "track_packages", "track_returns"),
}

HEARD_OF_CUSTOMERS = ("confirm_reservations", "take_returns")
"""Consumers of the fulfillment app that keep in their inbox what the customer app tells. In the order of their names."""


def queue_of(consumer: str) -> str:
    """The name of the consumer's queue: `kart-start-run` for `start_run`."""
    return "kart-" + consumer.replace("_", "-")
