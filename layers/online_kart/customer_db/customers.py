"""Customers (C1)."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ..domain.customers import Customer


def insert(conn: Connection[Any], customer: Customer) -> bool:
    """False where the e-mail address is taken, or the id."""
    return (
        conn.execute(
            """
            INSERT INTO customers (customer_id, name, email, phone, registered_at)
            VALUES (%(customer_id)s, %(name)s, %(email)s, %(phone)s, %(registered_at)s)
            ON CONFLICT DO NOTHING
            """,
            customer.model_dump(),
        ).rowcount
        == 1
    )


def by_id(conn: Connection[Any], customer_id: UUID) -> Customer | None:
    """None where there is no such customer."""
    with conn.cursor(row_factory=class_row(Customer)) as cur:
        return cur.execute(
            """
            SELECT customer_id, name, email, phone, registered_at FROM customers
             WHERE customer_id = %(customer_id)s
            """,
            {"customer_id": customer_id},
        ).fetchone()


def lock(conn: Connection[Any], customer_id: UUID) -> None:
    """Until the transaction ends, nobody else who asks for this lock has it. Orders can be placed meanwhile."""
    conn.execute(
        "SELECT FROM customers WHERE customer_id = %(customer_id)s FOR NO KEY UPDATE",
        {"customer_id": customer_id},
    )
