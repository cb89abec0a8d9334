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
    id: int
    message: Message


def lock_buckets(connection: Connection, buckets: list[int]) -> list[int]:
    """Lock the free ones of *buckets* until the transaction ends. Returns them.

    Must be a separate statement: reading rows in the same one would use a snapshot from before the lock and could
    republish what the previous holder just marked.
    """
    claimed = connection.execute(
        "SELECT bucket FROM unnest(%s::int[]) AS bucket WHERE pg_try_advisory_xact_lock(%s, bucket)",
        (buckets, LOCKS),
    )
    return [bucket for (bucket,) in claimed]


def read(connection: Connection, buckets: list[int], avoided_topics: list[str], limit: int) -> list[Row]:
    """Return the oldest rows of each bucket: up to *limit*, and about as many bytes as one batch takes.

    Shuffles the buckets, so that a full one does not starve the others.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            """
            SELECT id, topic, key, headers::text, value, aggregate FROM (
                SELECT *, sum(size) OVER (ORDER BY turn, id) AS total FROM (
                    SELECT row.*, turn, octet_length(headers::text) + coalesce(octet_length(key), 0)
                           + coalesce(octet_length(value), 0) + %b::int AS size
                    FROM unnest(%b::int[]) WITH ORDINALITY AS claimed (bucket, turn) CROSS JOIN LATERAL (
                        SELECT id, topic, key, headers, value, aggregate FROM outbox
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
            Row(id_, Message(topic, key, decode_headers(headers), value, aggregate))
            for id_, topic, key, headers, value, aggregate in cursor
        ]


def mark_published(connection: Connection, ids: list[int]) -> None:
    connection.execute("UPDATE outbox SET published_at = now() WHERE id = ANY(%b::bigint[])", (ids,))


def park(connection: Connection, reasons: list[tuple[int, str]]) -> None:
    for id_, reason in reasons:
        connection.execute("UPDATE outbox SET parked_at = now(), parked_reason = %s WHERE id = %s", (reason[:500], id_))
