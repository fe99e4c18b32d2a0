"""Where each local server listens: fixed ports, so that URLs can be remembered and written down.

A port that another program holds is an error that names the variable to set. Taking another port
silently would leave the apps' default addresses (`.chalice/config.json`) pointing at a stranger.
Port 0 asks for any free port; the tests do, so that they never meet a running `make up`.
"""

import os
import socket
from dataclasses import dataclass, fields

import psutil

from .errors import LocalError, PortTaken

HOST = "127.0.0.1"
VARIABLES = {
    "inventory": "KART_INVENTORY_PORT",
    "customer": "KART_CUSTOMER_PORT",
    "documents": "KART_DOCUMENTS_PORT",
    "fulfillment_app": "KART_FULFILLMENT_PORT",
    "seller_app": "KART_SELLER_PORT",
    "customer_app": "KART_CUSTOMER_APP_PORT",
    "engine": "KART_ENGINE_PORT",
}
"""The environment variable that moves each server."""


@dataclass(frozen=True)
class Ports:
    """One port a server. 0: any free one."""

    inventory: int = 15432
    customer: int = 15433
    documents: int = 17017
    fulfillment_app: int = 8001
    seller_app: int = 8002
    customer_app: int = 8003
    engine: int = 8010

    @classmethod
    def from_env(cls) -> "Ports":
        """The fixed ports, each moved by its variable."""
        return cls(
            **{
                field.name: _port(VARIABLES[field.name])
                for field in fields(cls)
                if os.environ.get(VARIABLES[field.name])
            }
        )

    @classmethod
    def any_free(cls) -> "Ports":
        return cls(**{field.name: 0 for field in fields(cls)})


def _port(variable: str) -> int:
    text = os.environ[variable]
    if not text.isdecimal() or not 0 <= int(text) <= 65_535:
        raise LocalError(f"{variable} is {text!r}; it must be a port, 0 to 65535.")
    return int(text)


def any_free_port() -> int:
    """A port nobody listens on now. Another program may take it before its user does."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        # Connections of a server that has just ended linger; servers bind over those, so do we.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True


def require_free(port: int, wanted_by: str, variable: str) -> None:
    """Raises PortTaken, which names the program that holds the port where the system tells."""
    if not is_free(port):
        raise PortTaken(port, wanted_by, variable, _holder(port))


def _holder(port: int) -> str | None:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass  # macOS shows the connections of others to root only; the message does without.
    return None
