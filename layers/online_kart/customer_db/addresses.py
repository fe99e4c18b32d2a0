"""Addresses (C3): several a customer, one of them the default."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.customers import Address

COLUMNS = "address_id, customer_id, recipient, street, city, state, pincode, is_default, created_at"


def insert(conn: Connection[Any], address: Address) -> None:
    conn.execute(
        """
        INSERT INTO addresses
            (address_id, customer_id, recipient, street, city, state, pincode, is_default, created_at)
        VALUES (%(address_id)s, %(customer_id)s, %(recipient)s, %(street)s, %(city)s, %(state)s,
                %(pincode)s, %(is_default)s, %(created_at)s)
        """,
        address.model_dump(),
    )


def update(conn: Connection[Any], address: Address) -> None:
    conn.execute(
        """
        UPDATE addresses
           SET recipient = %(recipient)s, street = %(street)s, city = %(city)s, state = %(state)s,
               pincode = %(pincode)s, is_default = %(is_default)s
         WHERE address_id = %(address_id)s
        """,
        address.model_dump(),
    )


def delete(conn: Connection[Any], address_id: UUID) -> None:
    conn.execute("DELETE FROM addresses WHERE address_id = %(id)s", {"id": address_id})


def make_oldest_default(conn: Connection[Any], customer_id: UUID) -> None:
    """Where the customer has an address left."""
    conn.execute(
        """
        UPDATE addresses SET is_default = true
         WHERE address_id = (SELECT address_id FROM addresses WHERE customer_id = %(id)s
                              ORDER BY created_at, address_id LIMIT 1)
        """,
        {"id": customer_id},
    )


def clear_default(conn: Connection[Any], customer_id: UUID) -> None:
    conn.execute(
        "UPDATE addresses SET is_default = false WHERE customer_id = %(id)s AND is_default",
        {"id": customer_id},
    )


def by_id(conn: Connection[Any], customer_id: UUID, address_id: UUID) -> Address | None:
    """None where the customer has no such address."""
    with conn.cursor(row_factory=class_row(Address)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM addresses
             WHERE customer_id = %(customer_id)s AND address_id = %(address_id)s
            """,
            {"customer_id": customer_id, "address_id": address_id},
        ).fetchone()


def of_customer(
    conn: Connection[Any], customer_id: UUID, after: UUID | None, limit: int
) -> list[Address]:
    with conn.cursor(row_factory=class_row(Address)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM addresses
             WHERE customer_id = %(customer_id)s
               AND (%(after)s::uuid IS NULL OR address_id > %(after)s)
             ORDER BY address_id LIMIT %(limit)s
            """,
            {"customer_id": customer_id, "after": after, "limit": limit},
        ).fetchall()
