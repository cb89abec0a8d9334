"""A record as a topic's log has it."""

from typing import NamedTuple

# Kafka allows a header without a value, which a mapping's payload (`kernel.messaging.events.Header`) cannot have.
type LogHeader = tuple[str, bytes | None]


# The partition of a record in a file that was not read from a topic: that of its key.
UNKNOWN_PARTITION = -1


class LogRecord(NamedTuple):
    """One record of a topic, byte for byte.

    *timestamp*: milliseconds since 1970, -1 if the record has none.
    *headers*: all of them in order, repeated names included.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[LogHeader]
