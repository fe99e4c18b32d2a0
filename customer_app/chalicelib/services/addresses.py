"""A customer's addresses: the first one is the default, until another is made so."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import addresses, customers as store
from online_kart.domain.customers import AddAddress, Address
from online_kart.domain.errors import NotFound
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


def change(
    conn: Connection[Any], by: Principal, customer_id: UUID, address_id: UUID, command: AddAddress
) -> Address:
    """Orders keep the one they were placed with. A repeat changes nothing. Raises NotFound."""
    by.require_own("customer", customer_id)
    with conn.transaction():
        store.lock(conn, customer_id)
        known = by_id(conn, customer_id, address_id)
        is_default = command.is_default or known.is_default
        if is_default and not known.is_default:
            addresses.clear_default(conn, customer_id)
        address = known.model_copy(update={**command.model_dump(), "is_default": is_default})
        addresses.update(conn, address)
        crashpoint("change_address.written")
    crashpoint("change_address.committed")
    return address


def delete(conn: Connection[Any], by: Principal, customer_id: UUID, address_id: UUID) -> None:
    """Of those left, the oldest is the default then, where this one was it. Raises NotFound."""
    by.require_own("customer", customer_id)
    with conn.transaction():
        store.lock(conn, customer_id)
        known = by_id(conn, customer_id, address_id)
        addresses.delete(conn, address_id)
        if known.is_default:
            addresses.make_oldest_default(conn, customer_id)
        crashpoint("delete_address.written")
    crashpoint("delete_address.committed")


def by_id(conn: Connection[Any], customer_id: UUID, address_id: UUID) -> Address:
    """Raises NotFound where the customer has no such address."""
    address = addresses.by_id(conn, customer_id, address_id)
    if address is None:
        raise NotFound("address of this customer", address_id)
    return address


def shown(conn: Connection[Any], by: Principal, customer_id: UUID, address_id: UUID) -> Address:
    """As `by_id`, for people. Raises NotFound, also for another's."""
    by.require_own("customer", customer_id)
    return by_id(conn, customer_id, address_id)


def listed(
    conn: Connection[Any], by: Principal, customer_id: UUID, after: UUID | None, limit: int
) -> list[Address]:
    """Raises NotFound where there is no such customer."""
    customers.by_id(conn, by, customer_id)
    return addresses.of_customer(conn, customer_id, after, limit)
