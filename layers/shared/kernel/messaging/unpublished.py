"""The unpublished rows of an outbox, as the relay locks, reads and marks them."""

import random
from typing import NamedTuple

from kernel.messaging import kafka
from kernel.messaging.outbox import Message, decode_headers
from kernel.storage.database import Connection

LOCKS = 0x6F757462  # "outb": the advisory locks' first key
# Overhead of a row in a batch: with it, the query reads about as many rows as one batch takes.
ROW_BYTES = 2 * kafka.RECORD_OVERHEAD


class Row(NamedTuple):
    bucket: int
    id: int
    message: Message


class Backlog(NamedTuple):
    """*age*: of the oldest waiting row, in seconds. *parked*: rows that are set aside."""

    waiting: int
    age: float
    parked: int


def lock_buckets(connection: Connection, buckets: list[int]) -> list[int]:
    """Lock the free ones of *buckets* until the transaction ends. Returns them.

    Must be a separate statement: reading rows in the same one would use a snapshot from before the lock and could
    republish what the previous holder just marked.

    Has the transaction read by the index alone. The planner knows the table from a moment in which it was full or empty,
    and other plans read all that was published since the last vacuum, of which an index scan takes note.
    """
    claimed = connection.execute(
        """
        SELECT bucket, set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)
        FROM unnest(%s::int[]) AS bucket WHERE pg_try_advisory_xact_lock(%s, bucket)
        """,
        (buckets, LOCKS),
    )
    return [bucket for bucket, *_ in claimed]


def read(connection: Connection, buckets: list[int], avoided_topics: list[str], limit: int) -> list[Row]:
    """Return the oldest rows of each bucket: up to *limit*, and about as many bytes as one batch takes.

    Shuffles the buckets, so that a full one does not starve the others.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            """
            SELECT bucket, id, topic, key, headers::text, value, aggregate FROM (
                SELECT *, sum(size) OVER (ORDER BY turn, id) AS total FROM (
                    SELECT row.*, turn, octet_length(headers::text) + coalesce(octet_length(key), 0)
                           + coalesce(octet_length(value), 0) + %b::int AS size
                    FROM unnest(%b::int[]) WITH ORDINALITY AS claimed (bucket, turn) CROSS JOIN LATERAL (
                        SELECT bucket, id, topic, key, headers, value, aggregate FROM outbox
                        WHERE bucket = claimed.bucket AND published_at IS NULL AND parked_at IS NULL
                              AND topic <> ALL(%b)
                        ORDER BY id LIMIT %b
                    ) AS row LIMIT %b
                ) AS oldest
            ) AS weighed WHERE total - size < %b ORDER BY turn, id
            """,
            (ROW_BYTES, random.sample(buckets, len(buckets)), avoided_topics, limit, limit, kafka.BATCH_BYTES),
        )
        return [
            Row(bucket, id_, Message(topic, key, decode_headers(headers), value, aggregate))
            for bucket, id_, topic, key, headers, value, aggregate in cursor
        ]


def mark_published(connection: Connection, rows: list[Row]) -> None:
    """Mark the rows, which moves them to the table of the day. By two arrays: a join takes twice as long."""
    connection.execute(
        """
        UPDATE outbox SET published_at = now()
        WHERE bucket = ANY(%b::int[]) AND id = ANY(%b::bigint[]) AND published_at IS NULL AND parked_at IS NULL
        """,
        (sorted({row.bucket for row in rows}), [row.id for row in rows]),
    )


def park(connection: Connection, reasons: list[tuple[Row, str]]) -> None:
    for row, reason in reasons:
        connection.execute(
            """
            UPDATE outbox SET parked_at = now(), parked_reason = %s
            WHERE bucket = %s AND id = %s AND published_at IS NULL AND parked_at IS NULL
            """,
            (reason[:500], row.bucket, row.id),
        )


def count(connection: Connection) -> Backlog:
    """Return what is not published. In two parts, of which each has its index."""
    [found] = connection.execute(
        """
        SELECT waiting, age, parked FROM (
            SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age
            FROM outbox WHERE published_at IS NULL AND parked_at IS NULL
        ) AS unpublished, (
            SELECT count(*) AS parked FROM outbox WHERE published_at IS NULL AND parked_at IS NOT NULL
        ) AS aside
        """
    )
    return Backlog(*found)
