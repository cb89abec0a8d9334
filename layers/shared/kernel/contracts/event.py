"""What every contract is: a frozen msgspec structure that knows its topic, its key and its source."""

from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of every contract.

    *topic*: where it is published.
    *key*: the field with the aggregate's id, by which Kafka keeps the order.
    *source*: the domain that publishes it.

    Its type is the tag (`tag_field="type"`) or, without one, the class's name.
    A field `event_id`, if there is one, is the event's id; otherwise it gets one when it is published.
    """

    topic: ClassVar[str]
    key: ClassVar[str]
    source: ClassVar[str]


class MalformedError(Exception):
    """The record can never be read: not JSON, not an object, no type, or not what its contract says."""


def type_of(contract: type[Event]) -> str:
    """Return the contract's name on the wire."""
    tag = contract.__struct_config__.tag
    return tag if isinstance(tag, str) else contract.__name__
