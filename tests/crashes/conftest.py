"""The ground of the crash worlds."""

import logging
from collections.abc import Iterator

import pytest

from local.databases import Databases
from tests.crashes.ground import Ground, prepared
from tests.servers import CopyTemplate


@pytest.fixture(scope="session")
def ground(
    servers: Databases, inventory_copies: CopyTemplate, customer_copies: CopyTemplate
) -> Iterator[Ground]:
    with prepared(servers, inventory_copies, customer_copies) as ground:
        yield ground


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Of what dies on purpose nothing need be logged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
