"""Stores behind which the process dies: at the n-th moment at which a crash leaves something else than the one before.

Those moments are before and after every commit, and before and after every write of a document; between two statements
of one transaction nothing but the transaction is lost.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from pymongo.collection import Collection
from pymongo.database import Database

from online_kart.postgres import KartConnection
from tests.faults import Crash

WRITES = frozenset(
    {
        "replace_one",
        "update_one",
        "insert_one",
        "insert_many",
        "bulk_write",
        "delete_one",
        "delete_many",
    }
)


class Fuse:
    """Burns once, at the n-th moment after it was lit."""

    def __init__(self) -> None:
        self._left = 0
        self._is_lit = False

    def set(self, moment: int) -> None:
        self._left, self._is_lit = moment, False

    def light(self) -> None:
        self._is_lit = True

    @property
    def is_burnt(self) -> bool:
        return self._left == 0

    def glow(self) -> None:
        """A moment at which the process may die."""
        if self._left and self._is_lit:
            self._left -= 1
            if not self._left:
                raise Crash


class FusedConnection(KartConnection):
    fuse: Fuse

    @contextlib.contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[psycopg.Transaction]:
        is_outer = self.info.transaction_status == TransactionStatus.IDLE
        with super().transaction(savepoint_name, force_rollback) as tx:
            yield tx
            if is_outer:
                self.fuse.glow()
        if is_outer:
            self.fuse.glow()


def fused_connection(dsn: str, fuse: Fuse) -> FusedConnection:
    conn = FusedConnection.connect(dsn, autocommit=True)
    conn.fuse = fuse
    return conn


class FusedDocuments:
    """As much of a database as our stores use."""

    def __init__(self, documents: Database[dict[str, Any]], fuse: Fuse) -> None:
        self._documents, self._fuse = documents, fuse
        self.name = documents.name

    def __getitem__(self, name: str) -> "FusedCollection":
        return FusedCollection(self._documents[name], self._fuse)


class FusedCollection:
    def __init__(self, collection: Collection[dict[str, Any]], fuse: Fuse) -> None:
        self._collection, self._fuse = collection, fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._collection, name)
        if name not in WRITES:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            self._fuse.glow()
            answer = method(*args, **kwargs)
            self._fuse.glow()
            return answer

        return write
