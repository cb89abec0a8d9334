"""Makes records of the consumer's messages: filters them, serialises them, and guards the mapping against bad ones."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import methodcaller

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from millrace_plugin.kafka_trigger.filtering import Filter
from millrace_plugin.kafka_trigger.partition import Polled
from millrace_plugin.kafka_trigger.payload import Encoder, Record
from millrace_plugin.kafka_trigger.settings import Settings

read_headers = methodcaller("headers")
"""Read a message's headers: once, and never by a call in Python's own code.

For a name that is not UTF-8 the client both sets an exception and returns a list with holes. An interpreter that has
optimised the call does not look for the exception, and goes on with the list; `methodcaller` always looks.
"""


class Reader:
    """Reads messages of one topic; filters come before batches (F6)."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic
        self._filter = Filter(settings.filters) if settings.filters else None
        self._encoders: dict[int, Encoder] = {}

    def read(self, messages: Iterable[Message], ends: Mapping[int, int]) -> dict[int, Polled]:
        """Return what the function is to have of *messages*, none of which is an error, by partition.

        ends: the offset that each partition was read to whose end was reached. It lies behind the last message after
            records that are never delivered: those of aborted transactions, and the marks that end one.
        """
        partitions: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            partitions[message.partition()].append(message)
        polled = {number: self._partition(number, found) for number, found in partitions.items()}
        for number, end in ends.items():
            found = polled.setdefault(number, Polled([], filtered=0, end=end))
            found.end = max(found.end, end)
        return polled

    def _partition(self, number: int, messages: Sequence[Message]) -> Polled:
        encoder = self._encoders.get(number)
        if encoder is None:
            encoder = self._encoders[number] = Encoder(self._topic, number)
        wanted = messages
        if self._filter:
            wanted = [message for message in messages if self._filter.passes(message.value())]
        return Polled(
            [read_record(encoder, message) for message in wanted],
            filtered=len(messages) - len(wanted),
            end=messages[-1].offset() + 1,
        )


def read_record(encoder: Encoder, message: Message) -> Record:
    """Return a message as the function sees it.

    A message that the event cannot hold becomes a record without headers and with a `problem`: the name of a header
    can be any bytes, but the event has room for text only.
    """
    kind, timestamp = message.timestamp()
    name = "LOG_APPEND_TIME" if kind == TIMESTAMP_LOG_APPEND_TIME else "CREATE_TIME"
    offset, key, value = message.offset(), message.key(), message.value()
    try:
        return encoder.record(offset, timestamp, name, key, value, read_headers(message))
    except (SystemError, TypeError, ValueError) as error:
        bare = encoder.record(offset, timestamp, name, key, value, None)
        return bare._replace(problem=f"its headers are no text: {error.__cause__ or error}")
