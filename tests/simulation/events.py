"""What may happen in a week, as it is drawn, written and read again.

An event is its kind and a number that everything it needs is drawn from when it happens; where there is nothing for it to
happen to, it doesn't. So any part of a history is a history, and can be tried by itself.
"""

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

WEIGHTS: dict[str, float] = {
    "wait": 32,
    "work": 10,
    "sweep": 6,
    "redeliver": 3,
    "vanish": 2,
    "jump": 2,
    # customers
    "place": 26,
    "ask_again": 3,
    "cancel": 6,
    # staff
    "scan": 24,
    "attempt": 16,
    "receive": 4,
    "adjust": 3,
    "move_batch": 2,
    "send_units": 2,
    "reconcile": 1.5,
    # sellers
    "announce": 4,
    "amend": 1.5,
    "price": 3,
    "suspend": 0.7,
    # planners
    "close": 2,
    "open": 2.5,
    "add_fc": 1,
    "add_hub": 0.5,
    "delete_facility": 0.7,
    "move_pincodes": 2,
    "remove_pincodes": 0.5,
    "add_leg": 1.2,
    "change_leg": 1.2,
    "delete_leg": 1.5,
    "holiday": 0.7,
    "rebuild": 0.7,
}
DEATHS_SHARE = 0.12
MOMENTS = (1, 1, 2, 2, 3, 4, 5, 6, 8, 12, 20, 35)
EVENTS_A_WEEK = 90


class Event(NamedTuple):
    """`dies_at`: whoever does it dies at that moment of it (see `tests.fuses`), and does it again. 0: nobody dies."""

    kind: str
    draw: int
    dies_at: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.draw}" + (f"!{self.dies_at}" if self.dies_at else "")


def parsed(text: str) -> list[Event]:
    """From how `written` writes them."""
    events = []
    for word in text.replace(",", " ").split():
        what, _, dies_at = word.partition("!")
        kind, _, draw = what.partition(":")
        if kind not in WEIGHTS:
            raise ValueError(f"Nothing is known of {kind!r}.")
        events.append(Event(kind, int(draw), int(dies_at or 0)))
    return events


def written(events: Iterable[Event]) -> str:
    return ",".join(map(str, events))


def drawn(seed: int, count: int = EVENTS_A_WEEK) -> Sequence[Event]:
    """The events of a week."""
    rng = random.Random(f"events of week {seed}")
    kinds = rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    return [
        Event(
            kind,
            rng.getrandbits(32),
            rng.choice(MOMENTS) if rng.random() < DEATHS_SHARE else 0,
        )
        for kind in kinds
    ]
