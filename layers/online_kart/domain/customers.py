"""Customers and their addresses (C1, C3)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from .base import Model
from .values import Instant, Name, Pincode

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    Field(examples=["asha@example.com"]),
]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^(\+?[0-9 -]{6,20})?$")]


class RegisterCustomer(Model):
    name: Name
    email: Email
    phone: Phone = ""


class Customer(Model):
    customer_id: UUID
    name: str
    email: str
    phone: str
    registered_at: Instant


class AddAddress(Model):
    recipient: Name
    street: Name
    city: Name
    state: Name
    pincode: Pincode
    is_default: bool = False


class Address(Model):
    address_id: UUID
    customer_id: UUID
    recipient: str
    street: str
    city: str
    state: str
    pincode: Pincode
    is_default: bool
    created_at: Instant
