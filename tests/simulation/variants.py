"""Products with a bug in them, to see that weeks find it: functions that take the place of the apps' own."""

import json
from typing import Any

from psycopg import Connection

from local.apps import all_functions, load_apps
from local.lambdas import Handler

from .stores import Ground

Functions = dict[str, Handler]


def release_that_gives_back_twice(ground: Ground) -> Functions:
    """What an order held is given back, and given back."""
    release = all_functions(load_apps())["release_stock"]

    def release_stock(event: dict[str, Any], context: object) -> Any:
        answer = release(event, context)
        ground.apps.inventory.execute(
            """
            UPDATE stock AS s SET reserved = s.reserved - r.quantity
              FROM reservations AS r
             WHERE (r.fc_code, r.sku, r.seller_id) = (s.fc_code, s.sku, s.seller_id)
               AND r.order_id = %s AND r.status = 'released'
            """,
            [event["order_id"]],
        )
        return answer

    return {"release_stock": release_stock}


def projection_that_ignores_versions(ground: Ground) -> Functions:
    """Whatever is told last is what the customer sees."""
    project = all_functions(load_apps())["project_catalog"]

    def project_catalog(event: dict[str, Any], context: object) -> Any:
        for record in event["Records"]:
            detail = json.loads(record["body"])["detail"]
            if "free_units" in detail:
                _forget_version(ground.apps.customer, detail)
        return project(event, context)

    return {"project_catalog": project_catalog}


def _forget_version(conn: Connection[Any], detail: dict[str, Any]) -> None:
    """Of the units left, unless the consumer has heard the event before."""
    conn.execute(
        """
        UPDATE units_left SET version = 0
         WHERE sku = %(sku)s AND seller_id::text = %(seller_id)s
           AND NOT EXISTS (SELECT FROM inbox WHERE event_id::text = %(event_id)s)
        """,
        detail,
    )
