"""Processes of `make crash`: each has a ground of its own, and lives one world after the other."""

import atexit
import contextlib
import logging
from collections.abc import Iterator
from functools import cache

from local.databases import Databases
from online_kart import migrate
from tests.crashes import plans
from tests.crashes.ground import Ground, prepared
from tests.crashes.plans import Passed
from tests.crashes.worlds import Outcome, Plan, lived
from tests.servers import template_copies

_open = contextlib.ExitStack()
_grounds: list[Ground] = []


@contextlib.contextmanager
def opened(servers: Databases) -> Iterator[Ground]:
    """A ground of this process's own."""

    with (
        template_copies(servers.inventory_dsn, migrate.INVENTORY) as inventory,
        template_copies(servers.customer_dsn, migrate.CUSTOMER) as customer,
        prepared(servers, inventory, customer) as ground,
    ):
        yield ground


def begin(servers: Databases) -> None:
    """In each worker process, once."""
    logging.disable(logging.CRITICAL)
    _grounds.append(_open.enter_context(opened(servers)))
    atexit.register(_open.close)


def live(plan: Plan) -> Outcome:
    """In a worker process. What its flow passes where nobody dies is found out once."""
    (ground,) = _grounds
    return lived(ground, plan, _passed(plan.flow).by_function)


@cache
def _passed(flow: str) -> Passed:
    (ground,) = _grounds
    return plans.baseline(ground, [flow])[flow]
