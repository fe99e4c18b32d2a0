"""What a change of the network breaks: the paths of packages that would use what is gone."""

from collections.abc import Iterable
from typing import NamedTuple

from online_kart.domain.network import LegKey, Network


class Gone(NamedTuple):
    """Facilities and legs that were there before. A facility takes its legs with it."""

    facilities: frozenset[str]
    legs: frozenset[LegKey]

    @property
    def is_nothing(self) -> bool:
        return not (self.facilities or self.legs)


def gone(old: Network, new: Network) -> Gone:
    """What the old network has and the new one has not."""
    return Gone(
        frozenset(old.by_code.keys() - new.by_code.keys()),
        frozenset(old.by_key.keys() - new.by_key.keys()),
    )


def is_broken(remaining: Iterable[tuple[str, str, str]], network: Network) -> bool:
    """Whether a package can't travel the rest of its path: (origin, destination, mode) of each leg.

    A leg is no more when one of its ends is not, so the legs say it all.
    """
    return any(leg not in network.by_key for leg in remaining)
