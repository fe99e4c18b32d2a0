"""Where a package is: its path, planned against actual (D3)."""

from typing import Any
from uuid import UUID

from pymongo.database import Database

from online_kart.documents import package_paths
from online_kart.domain.errors import NotFound
from online_kart.domain.package_paths import PackagePath


def path_of(documents: Database[dict[str, Any]], package_id: UUID) -> PackagePath:
    """Raises NotFound."""
    path = package_paths.by_id(documents, package_id)
    if path is None:
        raise NotFound("package", package_id)
    return path
