"""An ordered consumer with its topic and its dead letters, as an operator has them, in one process."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg

from kernel.contracts.blogs import BlogPublished
from kernel.errors import ConflictError, UnavailableError
from kernel.messaging import consumer
from kernel.messaging.consumer import Consumer
from kernel.storage.database import Connection
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from tests.kit.redriving import Letter, letters, redriven

GROUP = "group-of-the-test"
NOBODY = UUID(int=0)


def of_activity[E](made: Consumer[E]) -> Consumer[E]:
    """Return the consumer as one of the activity domain."""
    return replace(made, domain="activity")


@dataclass
class Shop:
    """Its records, of one partition, are numbered: the number is the title of the post, and grows with the offset.

    *owner*: a connection of the database's owner.
    *poison*: numbers that the consumer refuses for good. *busy*: numbers that it cannot apply now.
    *produced*: the numbers of each key. *delivered*: up to which offset the consumer has been.
    """

    owner: psycopg.Connection[tuple[Any, ...]]
    poison: set[int] = field(default_factory=set)
    busy: set[int] = field(default_factory=set)
    log: list[dict[str, Any]] = field(default_factory=list)
    produced: dict[bytes | None, list[int]] = field(default_factory=dict)
    delivered: int = 0

    @property
    def handler(self) -> Consumer[BlogPublished]:
        return of_activity(consumer.each(BlogPublished, ordered=True)(self.apply))

    def apply(self, connection: Connection, event: BlogPublished) -> None:
        number = int(event.title)
        if number in self.busy:
            self.busy.remove(number)
            raise UnavailableError("an outside system answers 503")
        if number in self.poison:
            raise ConflictError("a rule of the domain says no")
        connection.execute("INSERT INTO applied (number) VALUES (%s)", (number,))

    def produce(self, key: bytes | None, *, poison: bool = False, junk: bool = False, has_id: bool = True) -> int:
        """Append a record to the topic. Returns its number."""
        number = len(self.log)
        value = b'{"type": "blog-published", "blogId": "%s", "title": "%d", "authorId": "%s"}' % (
            str(NOBODY).encode(),
            number,
            str(NOBODY).encode(),
        )
        headers = [("ce_id", str(uuid4()).encode()), ("ce_type", b"blog-published")] if has_id else []
        self.log.append(record(b"junk" if junk else value, number, key=key, headers=headers))
        self.produced.setdefault(key, []).append(number)
        if poison:
            self.poison.add(number)
        return number

    def deliver(self, most: int = 1000) -> None:
        """Hand the next records to the consumer, and commit what it does not give back."""
        several = self.log[self.delivered : self.delivered + most]
        answer = self.handler(batch(*several), Context())
        returned = [each["itemIdentifier"]["offset"] for each in answer["batchItemFailures"]]
        self.delivered = min([*returned, self.delivered + len(several)])

    def deliver_all(self) -> None:
        while self.delivered < len(self.log):
            self.deliver()

    def letters(self) -> list[Letter]:
        return letters(self.owner, "events-dlq")

    def redrive(self, letter: Letter) -> None:
        self.log.append(redriven(letter, len(self.log)))

    def redrive_number(self, number: int) -> None:
        """Redrive the last letter of the record *number*."""
        self.redrive([each for each in self.letters() if each.place == (0, number)][-1])

    def applied(self, key: bytes | None) -> list[int]:
        """The numbers of the key, in the order in which they were applied."""
        numbers = self.produced.get(key, [])
        rows = self.owner.execute("SELECT number FROM applied WHERE number = ANY(%s) ORDER BY id", (numbers,))
        return [number for (number,) in rows]

    def parked(self, key: bytes) -> list[int]:
        """The numbers that wait, the head first."""
        rows = self.owner.execute(
            "SELECT record_offset FROM parked_records WHERE key = %s AND discarded_at IS NULL ORDER BY record_offset",
            (key,),
        )
        return [number for (number,) in rows]

    def discard(self, key: bytes, number: int) -> None:
        self.owner.execute("SELECT discard_parked(%s, %s, 0, %s)", (GROUP, key, number))


@contextlib.contextmanager
def opened(database: Database) -> Iterator[Shop]:
    """Yield a shop in *database*. Its table of what was applied refuses nothing: what is applied twice is there twice."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE applied (id bigint GENERATED ALWAYS AS IDENTITY, number integer NOT NULL)")
        yield Shop(connection)
