"""Customers and their addresses (C1, C3)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from .base import Model, example
from .values import Instant, Name, Pincode

_PART = r"[^@\x00-\x20\x7f-\xa0]+"
"""Of an address. Blanks are written out: languages disagree about what `\\s` is."""

Email = Annotated[
    str,
    StringConstraints(max_length=254, pattern=rf"^{_PART}@{_PART}\.{_PART}$"),
    Field(examples=["asha@example.com"]),
]
Phone = Annotated[str, StringConstraints(pattern=r"^(\+?[0-9 -]{6,20})?$")]


class RegisterCustomer(Model):
    model_config = example(name="Asha Rao", email="asha@example.com", phone="+91 98450 12345")

    name: Name
    email: Email
    phone: Phone = ""


class Customer(Model):
    customer_id: UUID
    name: str
    email: str
    phone: str
    registered_at: Instant


class PostalAddress(Model):
    """Where to deliver. An order keeps its own, whatever becomes of the address it was taken from."""

    recipient: Name
    street: Name
    city: Name
    state: Name
    pincode: Pincode


class AddAddress(PostalAddress):
    """`is_default` makes it the default one; without it, the default stays what it is."""

    model_config = example(
        recipient="Asha Rao",
        street="12, 4th Cross",
        city="Bengaluru",
        state="Karnataka",
        pincode=560001,
        is_default=True,
    )

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

    @property
    def postal(self) -> PostalAddress:
        return PostalAddress(**self.model_dump(include=set(PostalAddress.model_fields)))
