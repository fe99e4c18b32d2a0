"""Working through many things of which some may fail: one that fails holds up none of the others."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from .domain.errors import Unavailable

logger = logging.getLogger(__name__)

UNAVAILABLE_MAX = 3
"""What does not answer so often does not answer for the rest either: waiting for each would take too long."""

T = TypeVar("T")


def one_by_one(things: Iterable[T], act: Callable[[T], int]) -> int:
    """Act on each of them; the sum of the answers.

    An error is raised when all were tried: Unavailable where there is one, for machines try that again, else the first.
    """
    total = 0
    errors: list[Exception] = []
    unavailable: list[Unavailable] = []
    for thing in things:
        try:
            total += act(thing)
        except Unavailable as error:
            unavailable.append(error)
            if len(unavailable) >= UNAVAILABLE_MAX:
                break
        except Exception as error:
            logger.exception("One of many failed", extra={"thing": str(thing)})
            errors.append(error)
    if unavailable or errors:
        raise [*unavailable, *errors][0]
    return total
