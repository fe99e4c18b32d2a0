"""What goes wrong in a flow even where nobody dies, so that every crash point is passed by some flow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.lambdas import Answer
from tests.crashes.messages import Message


@dataclass
class Mishaps:
    """Each is gone when it has hit, but for the messages that are held back: they wait for `redrive`."""

    held_back: dict[tuple[str, str], list[Message]] = field(default_factory=dict)
    """(consumer, type of event) → messages that lie in its dead-letter queue."""

    vanishing: set[str] = field(default_factory=set)
    """The functions of steps before which the execution vanishes."""

    failing: dict[str, str | None] = field(default_factory=dict)
    """Functions of steps that fail once, before they have begun, with an error that nobody tries again; and for which order
    alone, where the machine runs for orders: after a death another one may come first."""

    def hold_back(self, consumer: str, type_: str) -> None:
        self.held_back.setdefault((consumer, type_), [])

    def takes(self, message: Message) -> bool:
        """Whether the message is held back now."""
        aside = self.held_back.get((message.consumer, message.type))
        if aside is not None:
            aside.append(message)
        return aside is not None

    def let_go(self) -> list[Message]:
        """All that was held back."""
        held_back, self.held_back = self.held_back, {}
        return [message for messages in held_back.values() for message in messages]

    def vanishes(self, function: str) -> bool:
        return _hit(self.vanishing, function)

    def failure(self, function: str, payload: Mapping[str, Any]) -> Answer | None:
        if function not in self.failing or self.failing[function] != payload.get("order_id"):
            return None
        del self.failing[function]
        return Answer({"errorType": "ValueError", "errorMessage": "a bug"}, True)


def _hit(planned: set[str], function: str) -> bool:
    is_planned = function in planned
    planned.discard(function)
    return is_planned
