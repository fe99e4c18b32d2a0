"""The copies of this side as they are, to be compared with their source."""

from typing import Any

from psycopg import Connection


def catalog_copy(conn: Connection[Any]) -> dict[str, dict[str, list[Any]]]:
    """C6 and C7: table → key → values, the version last."""
    return {
        "categories": _keyed(
            conn, "SELECT category_id, name, parent_id, version FROM item_categories"
        ),
        "items": _keyed(
            conn, "SELECT sku, category_id, name, brand, weight_grams, status, version FROM items"
        ),
        "offers": _keyed(
            conn, "SELECT sku || ' ' || seller_id, price_paise, status, version FROM offers"
        ),
        "units_left": _keyed(
            conn, "SELECT sku || ' ' || seller_id, free_units, version FROM units_left"
        ),
    }


def package_copy(conn: Connection[Any], package_ids: list[str]) -> dict[str, list[Any]]:
    """What C5 says of the given packages: package id → status, version."""
    rows = conn.execute(
        """
        SELECT package_id::text, status, version FROM packages
         WHERE package_id = ANY(%(package_ids)s::uuid[])
        """,
        {"package_ids": package_ids},
    )
    return {row[0]: list(row[1:]) for row in rows}


def _keyed(conn: Connection[Any], statement: Any) -> dict[str, list[Any]]:
    return {row[0]: list(row[1:]) for row in conn.execute(statement)}
