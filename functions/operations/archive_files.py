"""How the archive's objects are named: the layout of Confluent's S3 sink, with a fixed range of offsets for each file.

A file has the records of 10,000 offsets, and its name the first offset of that range, whether or not it has a record.
So a repeated run writes the same names.
"""

import re
from typing import NamedTuple, Self

from msgspec import Struct

FILE_OFFSETS = 10_000
FILES = "topics/"

_KEY = re.compile(r"topics/([^/]+)/partition=(\d+)/\1\+\2\+(\d{10,})\.jsonl\.gz")


class File(NamedTuple):
    """A file of the archive. *first*: the first offset of its range."""

    topic: str
    partition: int
    first: int

    @classmethod
    def at(cls, topic: str, partition: int, offset: int) -> Self:
        """Return the file in whose range *offset* is."""
        return cls(topic, partition, offset - offset % FILE_OFFSETS)

    @classmethod
    def named(cls, key: str) -> Self | None:
        """Return the file of the object *key*, or None for an object that is none of the archive's files."""
        found = _KEY.fullmatch(key)
        return cls(found[1], int(found[2]), int(found[3])) if found else None

    @property
    def key(self) -> str:
        name = f"{self.topic}+{self.partition}+{self.first:010}.jsonl.gz"
        return f"{folder(self.topic, self.partition)}{name}"

    @property
    def end(self) -> int:
        """The first offset of the next file's range."""
        return self.first + FILE_OFFSETS


class Gap(Struct, frozen=True, rename="camel"):
    """Offsets that the topic deleted before they were archived.

    *found_at*: a time in RFC 3339. *acknowledged*: why an operator has accepted the loss.
    """

    partition: int
    first: int
    last: int
    found_at: str
    acknowledged: str | None = None


class Positions(Struct, frozen=True, rename="camel"):
    """How far a topic is archived.

    *topic_id*: Kafka's, which a topic of the same name that is created later does not have.
    *next*: by partition, the first offset that may not be archived.
    """

    topic_id: str | None
    next: dict[int, int] = {}
    gaps: list[Gap] = []


def folder(topic: str, partition: int | None = None) -> str:
    """Return what the keys of a topic's or a partition's files begin with."""
    return f"{FILES}{topic}/" + ("" if partition is None else f"partition={partition}/")


def positions_key(topic: str) -> str:
    return f"positions/{topic}.json"
