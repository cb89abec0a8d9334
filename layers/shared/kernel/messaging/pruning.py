"""Prune a domain's database of what is older than its retention, in parts that hold nobody up.

Published rows go by day, as whole tables. Applied events and kept answers are deleted row by row.
"""

from collections.abc import Iterator

from kernel.settings import Retention
from kernel.storage.database import Connection

# What one call of a function deletes at most (`storage/schema`).
MOST_ROWS = 10_000


def parts(connection: Connection, retention: Retention) -> Iterator[bool]:
    """Prune part by part, each in a transaction of its own, until nothing old is left. Yields whether there is more."""
    # Alone: its locks on the tables of published rows last until its transaction ends.
    connection.execute("SELECT prune_outbox(%s)", (retention.outbox,))
    more = True
    while more:
        [deleted] = connection.execute(
            "SELECT prune_inbox(%s), prune_idempotency_keys(%s)", (retention.inbox, retention.outbox)
        ).fetchall()
        more = MOST_ROWS in deleted
        yield more
