"""A world that has lived, for tests of reconciliations: made once a module, and copied for each test."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.databases import Databases
from tests.drifting import Template, World, copy_of, world_template
from tests.servers import CopyTemplate

NOW = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def template(
    servers: Databases, inventory_copies: CopyTemplate, customer_copies: CopyTemplate
) -> Iterator[Template]:
    with world_template(servers, inventory_copies, customer_copies, NOW) as made:
        yield made


@pytest.fixture
def world(template: Template, servers: Databases) -> Iterator[World]:
    with copy_of(template, servers) as made:
        yield made
