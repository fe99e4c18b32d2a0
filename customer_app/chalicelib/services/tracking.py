"""Where a package is: its path, planned against actual (D3)."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from pymongo.database import Database

from online_kart.customer_db import orders
from online_kart.documents import package_paths
from online_kart.domain.errors import NotFound
from online_kart.domain.package_paths import PackagePath
from online_kart.domain.principals import Principal


def path_of(
    conn: Connection[Any], documents: Database[dict[str, Any]], by: Principal, package_id: UUID
) -> PackagePath:
    """Raises NotFound, also for one of another's order."""
    path = package_paths.by_id(documents, package_id)
    owner = orders.customer_of(conn, path.order_id) if path else None
    if path is None or owner is None:
        raise NotFound("package", package_id)
    by.require_own("package", owner, package_id)
    return path
