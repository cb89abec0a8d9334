"""Turn the consumer's messages into records: filter them, serialise them, and catch malformed ones."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import methodcaller

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from millrace_plugin.kafka_trigger.filtering import Filter
from millrace_plugin.kafka_trigger.partition import Polled
from millrace_plugin.kafka_trigger.payload import Encoder, Record
from millrace_plugin.kafka_trigger.settings import Settings

read_headers = methodcaller("headers")
"""Return a message's headers. Call it once per message, and never as `message.headers()`.

For a name that is not UTF-8 the client both sets an exception and returns a list with holes. A specialised call of the
interpreter ignores the exception and continues with the list; `methodcaller` always checks for it.
"""


class Reader:
    """Read messages of one topic. Filters come before batches (F6)."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic
        self._filter = Filter(settings.filters) if settings.filters else None
        self._encoders: dict[int, Encoder] = {}

    def read(self, messages: Iterable[Message], ends: Mapping[int, int]) -> dict[int, Polled]:
        """Return the records for the function, by partition number.

        messages: what was polled, without errors.
        ends: the offset after the end of each partition that was read to its end. Records of aborted transactions and
            transaction markers can lie between it and the last message.
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
    """Return a message as a record of the event.

    Kafka takes any bytes as the name of a header, but the event only text. Such a message becomes a record without
    headers and with a `problem`.
    """
    kind, timestamp = message.timestamp()
    name = "LOG_APPEND_TIME" if kind == TIMESTAMP_LOG_APPEND_TIME else "CREATE_TIME"
    offset, key, value = message.offset(), message.key(), message.value()
    try:
        return encoder.record(offset, timestamp, name, key, value, read_headers(message))
    except (SystemError, TypeError, ValueError) as error:
        bare = encoder.record(offset, timestamp, name, key, value, None)
        return bare._replace(problem=f"its headers are no text: {error.__cause__ or error}")
