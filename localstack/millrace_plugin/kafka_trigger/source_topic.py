"""Ask the brokers for a mapping's topic: its id, its partitions and their offsets.

A topic that is deleted and re-created under its name has another id, and offsets of the old one are void. The consumer
does not detect this and continues at its position.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec, TopicDescription

from millrace_plugin.kafka_trigger import retry

if TYPE_CHECKING:
    from concurrent.futures import Future

LOG = logging.getLogger(__name__)
REQUEST_SECONDS = 5.0
WATCH_SECONDS = 2.0  # with REQUEST_SECONDS, how late a broker that hangs is detected
NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"  # the answer of a broker older than topic ids
NO_RECORD = -1


class TopicRecreatedError(Exception):
    """The topic was deleted and re-created."""


@dataclass(frozen=True)
class TopicState:
    id: str | None
    """None if the brokers are older than topic ids."""
    partitions: tuple[int, ...]


class SourceTopic:
    def __init__(self, bootstrap: str, name: str, client_id: str) -> None:
        self.name = name
        self._configuration = {
            "bootstrap.servers": bootstrap,
            "client.id": client_id,
            "reconnect.backoff.max.ms": 1_000,
            "socket.timeout.ms": int(REQUEST_SECONDS * 1000),
        }
        self._admin = AdminClient(self._configuration, logger=LOG)

    def request_state(self) -> "Future[TopicDescription]":
        """Request the topic's state. Returns a future of the answer."""
        topics = TopicCollection([self.name])
        answers: dict[str, Future[TopicDescription]] = self._admin.describe_topics(
            topics, request_timeout=REQUEST_SECONDS
        )
        return answers[self.name]

    def state(self, answer: "Future[TopicDescription] | None" = None) -> TopicState:
        """Wait for the topic's state and return it.

        answer: a future of `request_state`. None sends a new request.

        Raises:
            KafkaException: no broker answered, or the topic does not exist.
        """
        found = (answer or self.request_state()).result(REQUEST_SECONDS + 1)
        identifier = str(found.topic_id)
        return TopicState(None if identifier == NO_ID else identifier, tuple(each.id for each in found.partitions))

    def earliest(self, partitions: Collection[int]) -> dict[int, int]:
        """Return the offset of each partition's first record that is still there."""
        return self._offsets(partitions, OffsetSpec.earliest())

    def ends(self, partitions: Collection[int], *, committed: bool = False) -> dict[int, int]:
        """Return the offset after each partition's last record.

        committed: end before the first open transaction instead.
        """
        return self._offsets(partitions, OffsetSpec.latest(), committed=committed)

    def offsets_at(self, milliseconds: int, partitions: Collection[int]) -> dict[int, int]:
        """Return each partition's first offset at or after *milliseconds* since 1970, or its end if it has none (G2)."""
        ends = self.ends(partitions, committed=True)  # first, so that a record written meanwhile is not skipped
        found = self._offsets(partitions, OffsetSpec.for_timestamp(milliseconds))
        return {number: ends[number] if offset == NO_RECORD else offset for number, offset in found.items()}

    def committed(self, group: str, partitions: Collection[int]) -> dict[int, int]:
        """Return the offsets that *group* has committed, without partitions that it has never committed.

        It uses a consumer that never subscribes. librdkafka's admin client crashes the process if the broker is not the
        group's coordinator yet (confluentinc/librdkafka#5040).
        """
        consumer = Consumer(self._configuration | {"group.id": group, "enable.auto.commit": False}, logger=LOG)
        asked = [TopicPartition(self.name, number) for number in partitions]
        try:
            found = retry.until_ready(lambda: consumer.committed(asked, timeout=REQUEST_SECONDS))
        finally:
            consumer.close()
        return {each.partition: each.offset for each in found if each.offset >= 0}

    def assignor(self, group: str) -> str:
        """Return the assignment strategy of the members of *group*, or an empty string if it is unknown."""
        try:
            answer = self._admin.describe_consumer_groups([group], request_timeout=REQUEST_SECONDS)[group]
            return str(answer.result(REQUEST_SECONDS + 1).partition_assignor or "")
        except (KafkaException, TimeoutError):
            return ""

    def _offsets(self, partitions: Collection[int], spec: OffsetSpec, *, committed: bool = False) -> dict[int, int]:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED

        def request() -> dict[int, int]:
            asked = {TopicPartition(self.name, number): spec for number in partitions}
            answers = self._admin.list_offsets(asked, isolation_level=level, request_timeout=REQUEST_SECONDS)
            return {each.partition: answer.result(REQUEST_SECONDS + 1).offset for each, answer in answers.items()}

        return retry.until_ready(request)


class TopicWatch:
    """Request the topic's state every WATCH_SECONDS, without waiting for the answer."""

    def __init__(self, topic: SourceTopic, expected: TopicState) -> None:
        self._topic = topic
        self._expected = expected
        self._request: Future[TopicDescription] | None = None
        self._next = monotonic() + WATCH_SECONDS

    def check(self) -> bool:
        """Return whether an answer has arrived since the last check.

        Raises:
            KafkaException: no broker answered, or the topic does not exist.
            TopicRecreatedError: the topic has another id than expected.
        """
        if self._request is None:
            if monotonic() >= self._next:
                self._request = self._topic.request_state()
            return False
        if not self._request.done():
            return False
        answer, self._request = self._request, None
        self._next = monotonic() + WATCH_SECONDS
        state = self._topic.state(answer)
        if state.id != self._expected.id:
            raise TopicRecreatedError(f"Topic {self._topic.name} was deleted and created again.")
        return True
