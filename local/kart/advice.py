"""What went wrong, and what to do about it, for the person at the terminal."""

from collections.abc import Callable, Mapping
from typing import Any

from ..client.refused import Refused

Facts = Mapping[str, Any]

OF_SOMEBODY = frozenset(
    {"address", "customer", "item", "offer", "order", "package", "return", "seller"}
)
"""What belongs to a customer or a seller, and is there for nobody else of them."""


def _how_it_is_written(what: str) -> str:
    advice = f"Look at how the {what} is written"
    if OF_SOMEBODY.isdisjoint(what.split()):
        return f"{advice}."
    return f"{advice}; another customer's or seller's is not there for you, either."


BY_TYPE: Mapping[str, Callable[[Facts], str]] = {
    "Unauthenticated": lambda facts: "Sign in again: `kart sign-in NAME`.",
    "RoleMissing": lambda facts: (
        f"Sign in as somebody who is one of: {', '.join(facts.get('roles', ()))}."
    ),
    "NotYourFacility": lambda facts: f"Sign in as somebody who works in {facts.get('facility')}.",
    "NotFound": lambda facts: _how_it_is_written(str(facts.get("what"))),
    "NotServed": lambda facts: "An FC has to get the pincode first.",
    "NoRoute": lambda facts: "`kart table` of the facility shows where its routes lead.",
    "FacilityNotOpen": lambda facts: "It is closed or closing already.",
}
BY_STATUS: Mapping[int, str] = {
    401: "Sign in again: `kart sign-in NAME`.",
    429: "More was asked than is let in at once. Try again in some seconds.",
    500: "That is a bug of ours. The app's log has the request's id.",
    503: "A store or the bus does not answer. Try again in a moment.",
}


def what_to_do(refused: Refused) -> str:
    """In a sentence; each field and what was expected of it where the request was wrong. Empty where nobody knows."""
    facts = refused.facts
    if refused.type in BY_TYPE:
        return BY_TYPE[refused.type](facts)
    if "errors" in facts:
        return " ".join(f"{each['field']}: {each['expected']}." for each in facts["errors"])
    if "expected" in facts:
        return f"{facts.get('field')}: expected is {facts['expected']}."
    return BY_STATUS.get(refused.status, "")
