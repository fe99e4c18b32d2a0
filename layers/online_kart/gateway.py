"""API Gateway in front of the apps, as data for what deploys it: how much it lets in, and what it answers by itself.

No app counts requests. Its processes share no memory, so a count would be a write to a database for each request: the very
load that it should keep away. The gateway counts for nothing, before a function is started.
"""

from collections.abc import Mapping
from typing import NamedTuple

from chalice import Response

from .domain.errors import KartError, TooManyRequests, Unauthenticated
from .http import error_response
from .request_ids import HEADER


class Rate(NamedTuple):
    """Requests that are let in, of all who call together: so many a second, and so many at once before it."""

    per_second: int
    burst: int


OF_APPS: Mapping[str, Rate] = {
    "fulfillment_app": Rate(200, 400),
    "seller_app": Rate(100, 200),
    "customer_app": Rate(1_000, 2_000),
}
"""For all of an app's operations that have no rate of their own. Together they stay below what AWS gives an account in a
region (10,000 a second). First values, by what one expects of people: nobody has measured the apps on AWS yet."""

READS_A_NETWORK = Rate(20, 40)
"""Searches through all legs: tens of milliseconds of a processor each."""

CHANGES_A_NETWORK = Rate(5, 10)
"""Each waits for the one before (one lock for all), and a dry run looks at every table: tenths of a second, or seconds."""

OPEN_TO_ALL = Rate(100, 200)
"""Nobody has to sign in, and an answer is made of many rows."""

STARTS_A_RUN = Rate(1, 5)
"""What it starts reads whole tables."""

OF_OPERATIONS: Mapping[str, Mapping[str, Rate]] = {
    "fulfillment_app": {
        "path": READS_A_NETWORK,
        "differences": READS_A_NETWORK,
        "health_of_network": READS_A_NETWORK,
        "ask_for_promises": READS_A_NETWORK,
        "add_fulfillment_center": CHANGES_A_NETWORK,
        "change_fulfillment_center": CHANGES_A_NETWORK,
        "delete_fulfillment_center": CHANGES_A_NETWORK,
        "close_fulfillment_center": CHANGES_A_NETWORK,
        "add_pincodes": CHANGES_A_NETWORK,
        "remove_pincodes": CHANGES_A_NETWORK,
        "import_pincodes": CHANGES_A_NETWORK,
        "add_hub": CHANGES_A_NETWORK,
        "change_hub": CHANGES_A_NETWORK,
        "delete_hub": CHANGES_A_NETWORK,
        "close_hub": CHANGES_A_NETWORK,
        "add_leg": CHANGES_A_NETWORK,
        "change_leg": CHANGES_A_NETWORK,
        "delete_leg": CHANGES_A_NETWORK,
        "delete_leg_named_in_query": CHANGES_A_NETWORK,
        "put_network": CHANGES_A_NETWORK,
        "request_rebuild": STARTS_A_RUN,
        "request_reconciliation": STARTS_A_RUN,
    },
    "seller_app": {"import_items": Rate(5, 10)},
    "customer_app": {"quote_cart": OPEN_TO_ALL, "item_facets": OPEN_TO_ALL},
}
"""App → operation → its own rate, so that what is dear holds up nothing else."""

REQUESTS_OF_AN_ADDRESS = 6_000
"""From one address in five minutes, for the firewall, which has to answer 429 as below: 20 a second, for an FC's scanners
may all come from one."""


ANSWERS: Mapping[str, KartError] = {
    "UNAUTHORIZED": Unauthenticated(),
    "THROTTLED": TooManyRequests("Too many requests at once."),
    "QUOTA_EXCEEDED": TooManyRequests("Too many requests at once."),
}
"""By API Gateway's name for a response of its own: the problem that it has to be, as if the app had said it."""

REQUEST_ID: Mapping[str, str] = {HEADER: "context.requestId"}
"""The header that each of them has besides, as API Gateway's mapping names it."""


def rate_of(app: str, operation: str) -> Rate | None:
    """None of an app that is not deployed."""
    return OF_OPERATIONS.get(app, {}).get(operation) or OF_APPS.get(app)


def answer(response_type: str) -> Response:
    """Status, headers and body of a response of the gateway's own, but for the request's id."""
    return error_response(ANSWERS[response_type])
