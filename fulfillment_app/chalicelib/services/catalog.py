"""The tree of categories (I7). People of Online Kart keep it; sellers put items into it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.domain.catalog import AddCategory, Category, DescribeCategory
from online_kart.domain.errors import (
    CategoryExists,
    CategoryUnderItself,
    NotFound,
    UnknownReference,
)
from online_kart.domain.events import CategoryChanged
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import catalog
from online_kart.messaging import outbox


def add_category(conn: Connection[Any], command: AddCategory, now: datetime) -> Category:
    """A repeat changes nothing. Raises UnknownReference (parent), CategoryExists."""
    category = Category(version=1, **command.model_dump())
    with conn.transaction():
        _check_parent(conn, category)
        if catalog.insert_category(conn, category):
            outbox.append(conn, _category_changed(category, now))
        else:
            category = _known_like(conn, category)
        crashpoint("add_category.written")
    crashpoint("add_category.committed")
    return category


def _known_like(conn: Connection[Any], category: Category) -> Category:
    """The category of this id, which says the same. Raises CategoryExists."""
    known = by_id(conn, category.category_id)
    if (known.name, known.parent_id) != (category.name, category.parent_id):
        raise CategoryExists(category.category_id)
    return known


def describe_category(
    conn: Connection[Any],
    category_id: str,
    command: DescribeCategory,
    now: datetime,
    wanted: Versions = None,
) -> Category:
    """Rename or move. Raises NotFound, UnknownReference (parent), CategoryUnderItself, VersionChanged."""
    with conn.transaction():
        catalog.lock_tree(conn)
        known = by_id(conn, category_id)
        refuse_past(known.version, wanted)
        category = known.model_copy(update=command.model_dump())
        if category == known:
            return known
        _check_parent(conn, category)
        category = category.model_copy(update={"version": known.version + 1})
        catalog.update_category(conn, category)
        outbox.append(conn, _category_changed(category, now))
        crashpoint("describe_category.written")
    crashpoint("describe_category.committed")
    return category


def by_id(conn: Connection[Any], category_id: str) -> Category:
    """Raises NotFound."""
    category = catalog.category_by_id(conn, category_id)
    if category is None:
        raise NotFound("category", category_id)
    return category


def listed(conn: Connection[Any], after: str | None, limit: int) -> Sequence[Category]:
    """By id, beginning behind `after`."""
    return catalog.categories_listed(conn, after, limit)


def _check_parent(conn: Connection[Any], category: Category) -> None:
    if category.parent_id is None:
        return
    if category.parent_id == category.category_id or catalog.is_in_subtree(
        conn, category.parent_id, category.category_id
    ):
        raise CategoryUnderItself(category.category_id, category.parent_id)
    if catalog.category_by_id(conn, category.parent_id) is None:
        raise UnknownReference("category", category.parent_id, "parent_id")


def _category_changed(category: Category, now: datetime) -> CategoryChanged:
    return CategoryChanged(
        category_id=category.category_id,
        name=category.name,
        parent_id=category.parent_id,
        version=category.version,
        occurred_at=now,
    )
