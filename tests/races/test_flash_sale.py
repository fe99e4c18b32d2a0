"""A flash sale in small: every buyer is answered, every unit is sold, none twice; `make flash-sale` holds a large one."""

import contextlib

import psycopg
import pytest

from . import flash_sale, worlds
from .flash_sale import hold_sale, open_sale

BUYERS, UNITS = 1_000, 100


@pytest.fixture(params=["commits in memory", "commits of 3 ms"])
def dsn(request, tmp_path, inventory_copies):
    slow = request.param == "commits of 3 ms"
    with worlds.slow_inventory() if slow else inventory_copies() as dsn:
        yield dsn


def test_a_flash_sale_sells_exactly_what_there_is_and_answers_everybody(
    dsn, servers, documents, now
):
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as conn:
        market = open_sale(conn, documents, UNITS, now)

        sale = hold_sale(market, dsn, servers.mongodb_uri, BUYERS)

        assert flash_sale.faults(market, sale) == []
        assert sale.answers == {"held": UNITS, "OutOfStock": BUYERS - UNITS}
        assert sale.most_held_at_once > 1, "no statement held more than one order"
