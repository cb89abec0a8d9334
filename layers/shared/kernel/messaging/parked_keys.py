"""The order of a key after a dead letter: later records of the key are parked behind it until it is redriven.

A consumer that is declared with `ordered=True` has a row for each record of a key that is not applied yet
(`schema/0009_parked_keys.sql`): the dead letter and those behind it, all of which are on the dead-letter topic, in their
order. The first of them is the *head*.

* A redriven record is tried if it is the head. Once it is applied, its row goes, and the next one is the head.
* A redriven record behind the head is parked again without being tried. So is a new record of the key.
* A record that an operator discarded is never applied, and the next one is the head.
* Without rows the key is free.

A record without a key has no order to be kept: it is dead-lettered as by any other consumer.
Places are compared by partition first. So the number of partitions must not change while keys are parked.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal
from uuid import UUID

from kernel.contracts.event import MalformedError
from kernel.messaging import inbox
from kernel.messaging.deliveries import Read
from kernel.messaging.events import Place, Record
from kernel.storage.database import Connection

# What becomes of a record that is not tried, by the name of its count.
type SetAside = Literal["parked", "duplicates", "discarded"]


class KeyParkedError(Exception):
    """The record was not tried, because an earlier one of its key is a dead letter."""


class ParkedKeys:
    """The parked records of the keys of some records, in the caller's transaction.

    No other transaction applies records of the same partitions until this one ends.
    """

    def __init__(self, connection: Connection, scope: str, records: Iterable[Record]) -> None:
        self.connection = connection
        self.scope = scope
        self._waiting: defaultdict[bytes, list[Place]] = defaultdict(list)
        self._discarded: set[tuple[bytes, Place]] = set()
        keyed = [(record.partition, _hash(key)) for record in records if (key := record.key) is not None]
        if not keyed:
            return
        partitions, hashes = (sorted(set(column)) for column in zip(*keyed, strict=True))
        found = connection.execute(
            "SELECT * FROM lock_parked_keys(%b, %b::int[], %b::bytea[])", (scope, partitions, hashes)
        )
        for key, partition, offset, is_discarded in found:
            if is_discarded:
                self._discarded.add((key, Place(partition, offset)))
            else:
                insort(self._waiting[key], Place(partition, offset))

    def set_aside(self, record: Record, event_id: UUID) -> SetAside | None:
        """Return what becomes of the record without being tried, or None if it is to be tried.

        *event_id*: by which the inbox knows its event.
        """
        if record.key is None:
            return None
        key, place = _hash(record.key), _place(record)
        if (key, place) in self._discarded:
            return "discarded"
        waiting = self._waiting.get(key)
        if not waiting or (record.original and place <= waiting[0]):
            return None
        if any(inbox.has(self.connection, self.scope, known) for known in (record.id, event_id)):
            return "duplicates"
        return "parked"

    def behind(self, record: Record) -> KeyParkedError:
        """Return the error of a parked record, which names the head of its key."""
        partition, offset = self._waiting[_hash(record.key or b"")][0]
        return KeyParkedError(
            f"It waits for the record at partition {partition}, offset {offset} of {record.topic}, which has the same"
            " key and is a dead letter: redrive or discard that one first."
        )

    def park(self, record: Record) -> None:
        """Add the record to those of its key that are not applied, unless it is among them."""
        if record.key is None:
            return
        key, place = _hash(record.key), _place(record)
        if place in self._waiting[key]:
            return
        self.connection.execute(
            """
            INSERT INTO parked_records (scope, key_hash, record_partition, record_offset, key)
            VALUES (%b, %b, %b, %b, %b)
            """,
            (self.scope, key, *place, record.key),
        )
        insort(self._waiting[key], place)

    def release(self, record: Record) -> None:
        """Remove the record, which is done, from those of its key."""
        if record.key is None:
            return
        key, place = _hash(record.key), _place(record)
        if place not in self._waiting.get(key, ()):
            return
        self.connection.execute(
            """
            DELETE FROM parked_records
            WHERE (scope, key_hash, record_partition, record_offset) = (%b, %b, %b, %b)
            """,
            (self.scope, key, *place),
        )
        self._waiting[key].remove(place)


def refuse_unknown_types[E](read: Read[E]) -> Read[E]:
    """Return *read* for an ordered consumer, which refuses a redriven record of a type that it does not read.

    If the record were skipped, it would stay the head of its key, and nobody would know.
    """

    def refusing(record: Record) -> tuple[UUID, E] | None:
        found = read(record)
        if found is None and record.original:
            message = "the consumer no longer reads events of this type: discard the record, which holds up its key"
            raise MalformedError(message)
        return found

    return refusing


def _hash(key: bytes) -> bytes:
    """Return what stands for the key in an index, whose entries are bounded."""
    return sha256(key).digest()


def _place(record: Record) -> Place:
    return record.original or Place(record.partition, record.offset)
