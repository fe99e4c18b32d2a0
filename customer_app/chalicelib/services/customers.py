"""Registering customers."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from online_kart.crashpoints import crashpoint
from online_kart.customer_db import customers
from online_kart.domain.customers import Customer, RegisterCustomer
from online_kart.domain.errors import EmailTaken, NotFound


def register(conn: Connection[Any], command: RegisterCustomer, now: datetime) -> Customer:
    customer = Customer(customer_id=uuid4(), registered_at=now, **command.model_dump())
    if not customers.insert(conn, customer):
        raise EmailTaken(command.email)
    crashpoint("register_customer.committed")
    return customer


def by_id(conn: Connection[Any], customer_id: UUID) -> Customer:
    """Raises NotFound."""
    customer = customers.by_id(conn, customer_id)
    if customer is None:
        raise NotFound("customer", customer_id)
    return customer
