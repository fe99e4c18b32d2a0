"""Reading many rows without holding them: one by one, as the server sends them."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection


def streamed(
    conn: Connection[Any], statement: Any, values: dict[str, Any] | None = None
) -> Iterator[tuple[str, list[Any]]]:
    """(first column, the others) of every row, as of one moment. The connection is busy until the last one is read."""
    with conn.transaction():
        for row in conn.cursor().stream(statement, values):
            yield row[0], list(row[1:])
