"""Answers that are repeated: the same key and body within 24 h get the first answer, byte for byte."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from ..domain.errors import InvalidRequest

KEPT_FOR = timedelta(hours=24)
"""A client that has not heard for a day does not ask again by itself. CONSISTENCY promises as much."""


@dataclass(frozen=True, slots=True)
class Answer:
    status_code: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request that may be repeated: whose it is, under which key, and the digest of what it asks."""

    principal: str
    key: str
    digest: str


def digest(method: str, path: str, raw_body: bytes | str) -> str:
    body = raw_body.encode() if isinstance(raw_body, str) else raw_body
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()


def earlier_answer(conn: Connection[Any], keyed: Keyed) -> Answer | None:
    """The answer given to this key before, else None. Holds the key until the transaction ends.

    So of two requests with one key at the same time the second waits, and then finds the first one's answer.
    Raises InvalidRequest where the key came with another request.
    """
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))",
        {"key": f"{keyed.principal} {keyed.key}"},
    )
    row = conn.execute(
        """
        SELECT request_digest, status_code, headers, body
          FROM idempotency_keys
         WHERE principal = %(principal)s AND key = %(key)s
        """,
        {"principal": keyed.principal, "key": keyed.key},
    ).fetchone()
    if row is None:
        return None
    if row[0] != keyed.digest:
        raise InvalidRequest(
            "This Idempotency-Key came with another request before.",
            "Idempotency-Key",
            "a new key for a new request",
        )
    return Answer(row[1], row[2], row[3])


def keep(conn: Connection[Any], keyed: Keyed, answer: Answer, now: datetime) -> None:
    """Join the caller's transaction: the answer is kept exactly if its effect is."""
    conn.execute(
        """
        INSERT INTO idempotency_keys
            (principal, key, request_digest, status_code, headers, body, created_at)
        VALUES (%(principal)s, %(key)s, %(digest)s, %(status)s, %(headers)s, %(body)s, %(now)s)
        """,
        {
            "principal": keyed.principal,
            "key": keyed.key,
            "digest": keyed.digest,
            "status": answer.status_code,
            "headers": Jsonb(dict(answer.headers)),
            "body": answer.body,
            "now": now,
        },
    )
