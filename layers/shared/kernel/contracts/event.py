"""The base of all contracts: a frozen msgspec structure with its topic, its key and its source."""

from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of every contract.

    *topic*: where it is published.
    *key*: the name of the field with the aggregate's id. Kafka keeps the sequence of events with the same key.
    *source*: the domain that publishes it.

    The type on the wire is the tag (`tag_field="type"`) or, without one, the class's name.
    The id is the field `event_id`. An event without that field gets an id when it is published.
    """

    topic: ClassVar[str]
    key: ClassVar[str]
    source: ClassVar[str]


class MalformedError(Exception):
    """The record can never be read: it is not JSON, not an object, has no type, or violates its contract."""


def type_of(contract: type[Event]) -> str:
    """Return the contract's name on the wire."""
    tag = contract.__struct_config__.tag
    return tag if isinstance(tag, str) else contract.__name__
