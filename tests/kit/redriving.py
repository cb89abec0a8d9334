"""Dead letters as the mapping delivers them after an operator has redriven them."""

from typing import Any, NamedTuple

import psycopg

from kernel.messaging import markers
from kernel.messaging.events import Header
from kernel.messaging.outbox import decode_headers
from tests.kit.lambda_events import record


class Letter(NamedTuple):
    """A dead letter in an outbox."""

    key: bytes | None
    value: bytes | None
    headers: list[Header]

    def text(self, name: str) -> str | None:
        """The header *name*, or None if the letter has none."""
        return next((value.decode() for header, value in self.headers if header == name), None)

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset of the first original."""
        partition = self.text(markers.REDRIVE_PARTITION) or self.text("dlq_partition")
        offset = self.text(markers.REDRIVE_OFFSET) or self.text("dlq_offset")
        return int(partition or 0), int(offset or 0)


def letters(connection: psycopg.Connection[tuple[Any, ...]], topic: str) -> list[Letter]:
    """The letters for *topic* in the order in which the relay publishes them."""
    rows = connection.execute("SELECT key, value, headers::text FROM outbox WHERE topic = %s ORDER BY id", (topic,))
    return [Letter(key, value, decode_headers(headers)) for key, value, headers in rows]


def redriven(letter: Letter, offset: int) -> dict[str, Any]:
    """The record of *letter*, published again to its partition at *offset*, for the consumer that failed."""
    partition, original = letter.place
    again = {
        markers.REDRIVE_ID: "a task",
        markers.REDRIVE_COUNT: str(int(letter.text(markers.REDRIVE_COUNT) or 0) + 1),
        markers.REDRIVE_PARTITION: str(partition),
        markers.REDRIVE_OFFSET: str(original),
        markers.FOR_CONSUMER: letter.text("dlq_consumer") or "",
    }
    kept = [(name, value) for name, value in letter.headers if name not in again]
    marked = [(name, value.encode()) for name, value in again.items()]
    return record(letter.value, offset, partition=partition, key=letter.key, headers=[*kept, *marked])
