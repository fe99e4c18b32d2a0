"""The router this process made last. The next network mostly is the same but for a change: so much is not computed again."""

import threading

from online_kart.domain.network import Network
from online_kart.routing.tables import Change, Router


class _LastRouter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._router: Router | None = None

    def of(self, network: Network) -> Router:
        with self._lock:  # another network's request waits, and goes on from this one's router
            last = self._router
            self._router = last.changed_to(network).router if last else Router(network)
            return self._router

    def change(self, before: Network, after: Network) -> Change:
        change = self.of(before).changed_to(after)
        with self._lock:
            self._router = change.router
        return change


_last_router = _LastRouter()


def router_of(network: Network) -> Router:
    """A router of the network, which is made of the last one where there is one. It is not changed any more."""
    return _last_router.of(network)


def change_of(before: Network, after: Network) -> Change:
    """The router of the network after a change, and the facilities whose tables it touches."""
    return _last_router.change(before, after)
