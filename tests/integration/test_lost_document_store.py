"""A document store that does not answer is worth another try: machines retry `Unavailable`, and reject nobody for it."""

import inspect
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.errors import WTimeoutError

from fulfillment_app.chalicelib.services import packages
from online_kart.documents import (
    indexes,
    order_log,
    package_paths,
    reconciliations,
    upcoming_shipments,
)
from online_kart.documents.collection import answering
from online_kart.domain.errors import Unavailable
from tests.market import HOLD, open_market

EVER = datetime(2026, 3, 2, tzinfo=UTC)

STORES = [
    module
    for module in vars(indexes).values()
    if isinstance(module, ModuleType) and hasattr(module, "COLLECTIONS")
]


@pytest.fixture
def lost():
    """A store on a port where nobody listens."""
    client: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=20)
    yield client["kart"]
    client.close()


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda lost: package_paths.by_id(lost, uuid4()), id="D3"),
        pytest.param(lambda lost: order_log.of_order(lost, uuid4()), id="D4"),
        pytest.param(lambda lost: upcoming_shipments.by_asn(lost, "ASN-1"), id="D1"),
        pytest.param(lambda lost: list(reconciliations.rows_of(lost, "r", "items")), id="parts"),
        pytest.param(lambda lost: next(package_paths.ready_in(lost, EVER, EVER)), id="bit by bit"),
    ],
)
def test_a_store_that_does_not_answer_is_unavailable(lost, ask):
    with pytest.raises(Unavailable):
        ask(lost)


def test_a_write_that_no_majority_has_in_time_is_tried_again():
    @answering
    def write(documents):
        raise WTimeoutError("waiting for replication timed out")

    with pytest.raises(Unavailable):
        write(None)


def test_packages_that_can_t_be_planned_for_a_lost_store_are_planned_later(
    inventory_db, documents, lost, now
):
    market = open_market(inventory_db, documents, now)
    market.put_stock("BLR1", "MUG", 10)
    order = market.an_order()
    market.reserve(order)

    with pytest.raises(Unavailable):
        packages.plan_packages(
            market.conn, lost, market.routes, order, now + HOLD, now + timedelta(minutes=1)
        )

    assert len(market.plan(order).package_ids) == 1


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.__name__.rpartition(".")[2])
def test_every_function_of_a_store_tells_a_lost_one_alike(store):
    raw = [
        name
        for name, function in inspect.getmembers(store, inspect.isfunction)
        if not name.startswith("_")
        and function.__module__ == store.__name__
        and next(iter(inspect.signature(function).parameters), "") == "documents"
        and not hasattr(function, "__wrapped__")
    ]

    assert raw == []
