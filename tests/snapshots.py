"""What is in the stores, as a digest of each table and collection: cheap to take, and different when anything changes."""

import hashlib

from psycopg import sql

from local.reading import Stores

IN_MOTION = frozenset({"system.views"})


def snapshot(stores: Stores) -> dict[str, str]:
    """By table and collection."""
    found = {}
    for conn in (stores.inventory, stores.customer):
        tables = conn.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            row = conn.execute(
                sql.SQL(
                    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t"
                ).format(sql.Identifier(table))
            ).fetchone()
            found[f"{conn.info.dbname} {table}"] = str(row)
    for name in set(stores.documents.list_collection_names()) - IN_MOTION:
        rows = sorted(map(repr, stores.documents[name].find()))
        found[name] = hashlib.sha256("|".join(rows).encode()).hexdigest()
    return found
