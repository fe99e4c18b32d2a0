"""A payment provider for one machine: what `online_kart.payment_provider` speaks to, with its books in one SQLite file.

It declines what is above its limit. It knows a repeat by the order, and refuses what comes after a release, as a real one
refuses to charge a payment that was voided.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple

from .ports import HOST

LIMIT_PAISE = 1_000_000_00
"""A lakh of rupees."""

ROUTE = re.compile(
    r"/payments/([0-9a-f-]{36})/(authorization|capture|release|refunds/[0-9a-f-]{36})"
)


class Entry(NamedTuple):
    """One order in the provider's books; the counts say how often money moved."""

    status: str
    amount_paise: int
    captures_count: int
    refunds_count: int
    returned_paise: int
    """Given back for returns, in parts."""

    @property
    def charged_paise(self) -> int:
        """What the customer has paid and not got back."""
        whole = self.amount_paise * (self.captures_count - self.refunds_count)
        return max(whole - self.returned_paise, 0)


class Books:
    """Orders and their payments. Safe to use from any thread; each call is one transaction."""

    def __init__(self, file: Path, limit_paise: int = LIMIT_PAISE) -> None:
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._lock, self._limit_paise = Lock(), limit_paise
        self._connection.execute(
            """
            CREATE TABLE IF NOT EXISTS entries (
                order_id text PRIMARY KEY, status text NOT NULL, amount_paise integer NOT NULL,
                captures_count integer NOT NULL DEFAULT 0, refunds_count integer NOT NULL DEFAULT 0)
            """
        )
        self._connection.execute(
            """
            CREATE TABLE IF NOT EXISTS refunds (
                what text PRIMARY KEY, order_id text NOT NULL, amount_paise integer NOT NULL)
            """
        )

    def close(self) -> None:
        self._connection.close()

    def of(self, order_id: str) -> Entry | None:
        """None where the provider never heard of the order."""
        row = self._connection.execute(
            """
            SELECT status, amount_paise, captures_count, refunds_count,
                   (SELECT coalesce(sum(amount_paise), 0) FROM refunds WHERE refunds.order_id = entries.order_id)
              FROM entries WHERE order_id = ?
            """,
            [order_id],
        ).fetchone()
        return Entry(*row) if row else None

    def charged_paise(self) -> int:
        """Over all orders."""
        orders = self._connection.execute("SELECT order_id FROM entries").fetchall()
        entries = (self.of(order_id) for (order_id,) in orders)
        return sum(entry.charged_paise for entry in entries if entry)

    def answer(self, path: str, body: bytes) -> HTTPStatus:
        """What a POST is answered: 200, 402 where it is declined, 404 for anything that is no call of the provider."""
        found = ROUTE.fullmatch(path)
        if not found:
            return HTTPStatus.NOT_FOUND
        amount_paise = int(json.loads(body or b"{}").get("amount_paise", 0))
        is_done = self.act(found[1], found[2], amount_paise)
        return HTTPStatus.OK if is_done else HTTPStatus.PAYMENT_REQUIRED

    def act(self, order_id: str, what: str, amount_paise: int) -> bool:
        """False where it is declined."""
        with self._lock:
            entry = self.of(order_id)
            if what == "authorization":
                return self._authorize(order_id, entry, amount_paise)
            if what.startswith("refunds/"):
                return self._refund(order_id, entry, what, amount_paise)
            return (self._capture if what == "capture" else self._release)(order_id, entry)

    def _authorize(self, order_id: str, entry: Entry | None, amount_paise: int) -> bool:
        if entry:
            return entry.status != "released"
        if amount_paise > self._limit_paise:
            return False
        self._connection.execute(
            "INSERT INTO entries (order_id, status, amount_paise) VALUES (?, 'authorized', ?)",
            [order_id, amount_paise],
        )
        return True

    def _capture(self, order_id: str, entry: Entry | None) -> bool:
        if entry and entry.status == "authorized":
            self._connection.execute(
                "UPDATE entries SET status = 'captured', captures_count = captures_count + 1 WHERE order_id = ?",
                [order_id],
            )
            return True
        return entry is not None and entry.status == "captured"

    def _refund(self, order_id: str, entry: Entry | None, what: str, amount_paise: int) -> bool:
        known = self._connection.execute("SELECT 1 FROM refunds WHERE what = ?", [what]).fetchone()
        if known:
            return True
        if entry is None or entry.status != "captured" or amount_paise > entry.charged_paise:
            return False
        self._connection.execute(
            "INSERT INTO refunds (what, order_id, amount_paise) VALUES (?, ?, ?)",
            [what, order_id, amount_paise],
        )
        return True

    def _release(self, order_id: str, entry: Entry | None) -> bool:
        self._connection.execute(
            """
            INSERT INTO entries (order_id, status, amount_paise) VALUES (?, 'released', 0)
            ON CONFLICT DO UPDATE
               SET refunds_count = refunds_count + (status = 'captured'), status = 'released'
            """,
            [order_id],
        )
        return True


class _Handler(BaseHTTPRequestHandler):
    books: Books

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.books.answer(self.path, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who looks for a payment finds it in the books."""


@contextmanager
def payment_server(books: Books) -> Iterator[str]:
    """A server of its own, for tests: its URL, for as long as the block lasts. `make up` has it in its engine."""
    handler = type("Handler", (_Handler,), {"books": books})
    with closing(books), ThreadingHTTPServer((HOST, 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
