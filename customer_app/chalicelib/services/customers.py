"""Registering customers."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import customers
from online_kart.domain.customers import Customer, RegisterCustomer
from online_kart.domain.errors import AlreadyRegistered, EmailTaken, NotFound
from online_kart.domain.principals import Principal, Role


def register(
    conn: Connection[Any], by: Principal, command: RegisterCustomer, now: datetime
) -> Customer:
    """Whoever is signed in becomes a customer. Raises AlreadyRegistered, EmailTaken."""
    key = by.new_id(Role.CUSTOMER) or uuid4()
    customer = Customer(customer_id=key, registered_at=now, **command.model_dump())
    if not customers.insert(conn, customer):
        if customers.by_id(conn, key):
            raise AlreadyRegistered(key)
        raise EmailTaken(command.email)
    crashpoint("register_customer.committed")
    return customer


def by_id(conn: Connection[Any], by: Principal, customer_id: UUID) -> Customer:
    """Raises NotFound, also for another's."""
    by.require_own("customer", customer_id)
    customer = customers.by_id(conn, customer_id)
    if customer is None:
        raise NotFound("customer", customer_id)
    return customer
