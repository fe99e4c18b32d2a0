"""The document store's client: opened on first use, one a process.

Retryable writes are off because Amazon DocumentDB has had them only since engine 8.0.2; what writes
here is written to be repeated. A write is acknowledged when a majority of the members has it.
"""

import os
import threading
from functools import cache
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

Document = dict[str, Any]

CONNECT_MS_MAX = 5_000
"""As PostgreSQL's: a server in the same region answers within milliseconds."""

SELECT_SERVER_MS_MAX = 5_000
"""A new primary is elected within some 10 s: who waited for it would hold a connection and a thread meanwhile, while a
queue or a machine tries again anyway."""

ANSWER_MS_MAX = 25_000
"""Under API Gateway's 29 s, so that a client of ours hears from us and not from the gateway."""

WRITE_MS_MAX = 10_000
"""How long a majority may take to have a write; under ANSWER_MS_MAX, so that the error says that it is the majority."""

IDLE_MS_MAX = 5 * 60 * 1000
"""Under the 350 s after which AWS's network forgets a silent connection."""

CONNECTIONS_MAX = 32

_making = threading.Lock()
"""Two threads that ask at once would else make a client each, and one of them would never be closed."""


def database(uri: str, name: str) -> Database[Document]:
    """The database `name`. Connects when it is first used; safe to share between threads."""
    with _making:
        client = _client(uri, os.getpid())
    return client[name]


@cache
def _client(uri: str, process_id: int) -> MongoClient[Document]:
    """A client must not cross a fork: each process has its own."""
    return MongoClient(
        uri,
        tz_aware=True,
        uuidRepresentation="standard",
        retryWrites=False,
        w="majority",
        wTimeoutMS=WRITE_MS_MAX,
        connectTimeoutMS=CONNECT_MS_MAX,
        serverSelectionTimeoutMS=SELECT_SERVER_MS_MAX,
        socketTimeoutMS=ANSWER_MS_MAX,
        maxIdleTimeMS=IDLE_MS_MAX,
        maxPoolSize=CONNECTIONS_MAX,
    )
