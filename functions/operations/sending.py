"""The publication of a task's messages: in their order, and once each, however many invocations it takes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Self

from kafka.errors import KafkaError

from kernel.errors import UnavailableError
from kernel.messaging import kafka
from kernel.messaging.kafka import Copy
from kernel.messaging.topic_log import TopicLog
from operations.effects import Ends, unread


class RefusedError(Exception):
    """The next message can never be published. The message of the error says why."""


class Sender:
    """Publish messages, without those that the task has published after its last checkpoint.

    *sent*: how often each of these is on its topic.
    """

    def __init__(self, sent: Counter[tuple[Any, ...]]) -> None:
        self._sent = sent

    @classmethod
    def after(cls, log: TopicLog, since: Ends, header: str, task_id: str) -> Self:
        """Return a sender that knows what the task published after the checkpoint.

        *since*: the ends of the topics at the checkpoint.
        *header*: in which records carry the task's id.
        """
        return cls(Counter(_identity(each) for each in _published_since(log, since, header, task_id)))

    @property
    def is_ahead(self) -> bool:
        """Return whether something is on the topics that the job has not settled."""
        return bool(self._sent)

    def send(self, messages: Sequence[Copy]) -> int:
        """Publish the messages or their beginning. Returns how many are acknowledged.

        Raises UnavailableError when none is for now, and RefusedError when the first can never be.
        """
        unsent = self._leave_out_sent(messages)
        try:
            outcomes = kafka.publish((message for _, message in unsent), stops=True) if unsent else []
        except KafkaError as error:
            message = f"Kafka: {error!r}"
            raise UnavailableError(message) from error
        count = next((number for number, outcome in enumerate(outcomes) if outcome is not None), len(outcomes))
        # Of other partitions: they are in the next batch again, which leaves them out.
        later = list(zip(unsent, outcomes, strict=False))[count:]
        self._sent.update(_identity(message) for (_, message), outcome in later if outcome is None)
        settled = unsent[count][0] if count < len(unsent) else len(messages)
        if settled:
            return settled
        [first] = outcomes[:1]
        if isinstance(first, kafka.REFUSED):
            message = f"{messages[0].topic} refuses the next record: {first!r}"
            raise RefusedError(message)
        message = f"Kafka did not acknowledge: {first!r}"
        raise UnavailableError(message)

    def _leave_out_sent(self, messages: Sequence[Copy]) -> list[tuple[int, Copy]]:
        """Return the messages that are not on their topics yet, each after its number."""
        unsent = []
        for number, message in enumerate(messages):
            identity = _identity(message)
            if self._sent[identity]:
                self._sent.subtract([identity])
            else:
                unsent.append((number, message))
        # What was sent before is the beginning of what is read: the first batch without any of it is behind all of it.
        self._sent = Counter() if len(unsent) == len(messages) else +self._sent
        return unsent


def _published_since(log: TopicLog, since: Ends, header: str, task_id: str) -> Iterator[Copy]:
    mark = (header, task_id.encode())
    for topic, positions in since.items():
        for record in log.read_all(topic, unread(log, topic, positions)):
            if mark in record.headers:
                yield Copy(record.topic, record.key, record.headers, record.value)


def _identity(message: Copy) -> tuple[Any, ...]:
    """Return what the message has in common with its record. A topic's partition may have been left to Kafka."""
    return (
        message.topic,
        message.key or b"",
        message.value or b"",
        tuple((name, value or b"") for name, value in message.headers),
    )
