"""What the network can't do, and hangs on, by the version of route tables in force."""

from collections.abc import Iterable
from typing import NamedTuple

from online_kart.documents.collection import Documents
from online_kart.domain.base import Model
from online_kart.domain.network import Network
from online_kart.planning.routes import current_routes
from online_kart.routing.forwarding import TableOf
from online_kart.routing.health import Health, health


class NetworkHealth(Model):
    table_version: int
    health: Health


class _InForce(NamedTuple):
    network: Network
    table: TableOf


def in_force(documents: Documents, pincodes: Iterable[int]) -> NetworkHealth:
    """`pincodes` are those that should be served. Raises Unavailable before the first version."""
    routes = current_routes(documents)
    report = health(_InForce(routes.network, routes.table_of), pincodes)
    return NetworkHealth(table_version=routes.version, health=report)
