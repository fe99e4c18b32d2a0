"""A network that fails on purpose: a TCP proxy between the apps and a server.

It can be down, slow to answer, or cut a connection at one moment that matters: behind a commit before its answer, or in
the middle of a write. What the moment is, two small readers of the servers' protocols tell.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

from local.ports import HOST

PIECE_BYTES = 65_536

Cut = bytes | None
"""What of a piece still gets through before the connection is cut. None: all of it, and nothing is cut."""

Reader = Callable[[bytes], Cut]
"""Sees the pieces of one direction of one connection, in order."""


Readers = Callable[[], tuple[Reader, Reader]]
"""For a new connection: who reads its requests, and who its answers."""


def nothing_cut(piece: bytes) -> Cut:
    return None


def no_readers() -> tuple[Reader, Reader]:
    return nothing_cut, nothing_cut


class Proxy:
    """Listens on a port of its own for a server's clients. Safe to switch from any thread."""

    def __init__(self, server_port: int, readers: Readers = no_readers) -> None:
        self._server_port, self._readers = server_port, readers
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_down = False
        self.answer_delay_seconds = 0.0
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Every connection is cut, and no new one comes about."""
        self._is_down = True
        self._cut_all()
        try:
            yield
        finally:
            self._is_down = False

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """So long does each piece of an answer take."""
        self.answer_delay_seconds = seconds
        try:
            yield
        finally:
            self.answer_delay_seconds = 0.0

    def close(self) -> None:
        self._is_down = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self._is_down:
                client.close()
            else:
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self._server_port))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {client, server}
        requests, answers = self._readers()
        ways = (
            (client, server, requests, lambda: 0.0),
            (server, client, answers, lambda: self.answer_delay_seconds),
        )
        for way in ways:
            threading.Thread(target=self._carry, args=way, daemon=True).start()

    def _carry(
        self,
        source: socket.socket,
        target: socket.socket,
        read: Reader,
        delay: Callable[[], float],
    ) -> None:
        try:
            while piece := source.recv(PIECE_BYTES):
                time.sleep(delay())
                passed = read(piece)
                target.sendall(piece if passed is None else passed)
                if passed is not None:
                    break
        except OSError:
            pass  # one of the two was cut
        finally:
            self._cut(source, target)

    def _cut_all(self) -> None:
        with self._lock:
            connections = list(self._open)
        self._cut(*connections)

    def _cut(self, *connections: socket.socket) -> None:
        """A shutdown, too: it wakes the thread that waits for a piece."""
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        with self._lock:
            self._open -= set(connections)


class Countdown:
    """Counts moments of all connections together, and is over at the n-th since it was set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self.counted = 0

    def set(self, moment: int) -> None:
        """0: only count."""
        with self._lock:
            self._left, self.counted = moment, 0

    @property
    def is_over(self) -> bool:
        return self._left == 0

    def passes(self) -> bool:
        """Whether this moment is the one."""
        with self._lock:
            self.counted += 1
            if self._left == 0:
                return False
            self._left -= 1
            return self._left == 0


COMMITTING = (b"COMMIT", b"INSERT", b"UPDATE", b"DELETE")


class LostCommits:
    """Reads PostgreSQL's answers, and swallows that to the n-th commit: what was committed is, and nobody is told.

    A commit is COMMIT, or a statement that changes something outside a transaction: its answer says so, and then that
    the session is idle ("ReadyForQuery"). The connection must not be encrypted.
    """

    def __init__(self) -> None:
        self.countdown = Countdown()

    def readers(self) -> tuple[Reader, Reader]:
        return nothing_cut, self._answers()

    def _answers(self) -> Reader:
        rest, commits = b"", False

        def read(piece: bytes) -> Cut:
            nonlocal rest, commits
            rest += piece
            while len(rest) >= 5:
                kind, length = rest[:1], int.from_bytes(rest[1:5], "big")
                if len(rest) <= length:
                    break
                body, rest = rest[5 : length + 1], rest[length + 1 :]
                if kind == b"C" and body.startswith(COMMITTING):
                    commits = True
                elif kind == b"Z":
                    commits, committed = False, commits and body == b"I"
                    if committed and self.countdown.passes():
                        return b""
            return None

        return read


WRITES = (b"\x02insert\x00", b"\x02update\x00", b"\x02delete\x00")
"""How a command that writes begins in BSON."""

Half = Literal["request", "answer"]


class TornWrites:
    """Reads what is asked of a document store, and cuts the n-th write: in its middle, or behind it before its answer."""

    def __init__(self) -> None:
        self.countdown = Countdown()
        self.torn: Half = "request"

    def readers(self) -> tuple[Reader, Reader]:
        is_unanswered = False

        def requests(piece: bytes) -> Cut:
            nonlocal is_unanswered
            if not any(write in piece for write in WRITES) or not self.countdown.passes():
                return None
            if self.torn == "request":
                return piece[: len(piece) // 2]
            is_unanswered = True
            return None

        def answers(piece: bytes) -> Cut:
            return b"" if is_unanswered else None

        return requests, answers
