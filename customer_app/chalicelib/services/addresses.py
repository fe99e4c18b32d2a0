"""A customer's addresses: the first one is the default, until another is made so."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import addresses, customers as store
from online_kart.domain.customers import AddAddress, Address
from online_kart.domain.principals import Principal

from . import customers


def add(
    conn: Connection[Any], by: Principal, customer_id: UUID, command: AddAddress, now: datetime
) -> Address:
    """Raises NotFound where there is no such customer."""
    customers.by_id(conn, by, customer_id)
    with conn.transaction():
        # Two first addresses at once must not both be the default: the customer's row orders them.
        store.lock(conn, customer_id)
        first = not addresses.of_customer(conn, customer_id, None, 1)
        values = command.model_dump() | {"is_default": command.is_default or first}
        address = Address(address_id=uuid4(), customer_id=customer_id, created_at=now, **values)
        if address.is_default:
            addresses.clear_default(conn, customer_id)
        addresses.insert(conn, address)
        crashpoint("add_address.written")
    crashpoint("add_address.committed")
    return address


def listed(
    conn: Connection[Any], by: Principal, customer_id: UUID, after: UUID | None, limit: int
) -> list[Address]:
    """Raises NotFound where there is no such customer."""
    customers.by_id(conn, by, customer_id)
    return addresses.of_customer(conn, customer_id, after, limit)
