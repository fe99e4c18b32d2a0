"""Working through many things of which some may fail: one that fails holds up none of the others."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from .domain.errors import Unavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")


def one_by_one(things: Iterable[T], act: Callable[[T], int]) -> int:
    """Act on each of them; the sum of the answers. The first error is raised when all were tried.

    Unavailable is raised at once: what does not answer for one does not answer for the next.
    """
    total, errors = 0, []
    for thing in things:
        try:
            total += act(thing)
        except Unavailable:
            raise
        except Exception as error:
            logger.exception("One of many failed", extra={"thing": str(thing)})
            errors.append(error)
    if errors:
        raise errors[0]
    return total
