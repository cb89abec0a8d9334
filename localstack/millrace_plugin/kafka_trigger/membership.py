"""Join a consumer group, and take over and release its partitions (C10).

The consumer supports range and round robin, as most clients do, so that others can share its group. Both are eager:
each rebalance revokes every partition of every member. Therefore the wait for invocations in flight is short, and a
partition that is assigned again continues where it was (decision 0019).
"""

from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from millrace_plugin.kafka_trigger import starting_position
from millrace_plugin.kafka_trigger.committer import Committer
from millrace_plugin.kafka_trigger.dispatcher import Dispatcher
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.source_topic import SourceTopic, TopicState
from millrace_plugin.kafka_trigger.system_log import CURRENT

RELEASE_SECONDS = 5.0  # how long a rebalance waits for invocations in flight


def client_id(uuid: str) -> str:
    """Return the name by which the brokers know the consumer of a mapping."""
    return f"{uuid}-0"


def configuration(settings: Settings) -> dict[str, Any]:
    """Return librdkafka's settings of a mapping's consumer, without callbacks."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "group.id": settings.group,
        "client.id": client_id(settings.uuid),
        "partition.assignment.strategy": "range,roundrobin",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # `starting_position` decides every start, with a warning
        "allow.auto.create.topics": False,
        "enable.partition.eof": True,  # aborted records and ends of transactions yield no message, but move the end
        "session.timeout.ms": 6_000,  # the broker's minimum: how long partitions of a killed owner wait
        "heartbeat.interval.ms": 1_500,
        "max.poll.interval.ms": 120_000,  # far longer than a rebalance takes
        "topic.metadata.refresh.interval.ms": 5_000,  # how soon new partitions are found
        "reconnect.backoff.max.ms": 1_000,
        "socket.timeout.ms": 10_000,  # the longest wait of the last commit for a broker that hangs
        "fetch.wait.max.ms": 500,  # new records end it at once; at 100, thirty idle consumers cost the broker twice as much
        "fetch.queue.backoff.ms": 10,  # by default a full prefetch queue, once drained, stays empty for a second
        "queued.max.messages.kbytes": 16 * 1024,
        "queued.min.messages": 20_000,
    }


class Membership:
    """Hand partitions over between the group, the dispatcher and the committer.

    on_assigned: called after each assignment.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a partition's change of hands concerns
        self,
        settings: Settings,
        topic: SourceTopic,
        state: TopicState,
        dispatcher: Dispatcher,
        committer: Committer,
        on_assigned: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._state = state
        self._dispatcher = dispatcher
        self._committer = committer
        self._on_assigned = on_assigned

    def join(self, consumer: Consumer) -> None:
        """Subscribe to the topic. A later poll assigns the partitions."""
        consumer.subscribe(
            [self._settings.topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def release(self) -> None:
        """Wait up to RELEASE_SECONDS for invocations in flight, then commit what is settled."""
        self._dispatcher.release(RELEASE_SECONDS)
        self._committer.flush()
        self._committer.disown()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        starts, uncommitted = starting_position.find_offsets(
            consumer, self._settings, self._topic, self._state, numbers
        )
        self._committer.own(numbers)
        for number, offset in uncommitted.items():
            self._committer.request(number, offset)
        read_from = self._dispatcher.assign(starts)
        assigned = [TopicPartition(self._settings.topic, number, offset) for number, offset in read_from.items()]
        consumer.assign(assigned)
        consumer.resume(assigned)  # librdkafka keeps the pause of a partition that was revoked
        if log := CURRENT.get():
            log.assigned(len(self._state.partitions), numbers)
        self._on_assigned()

    def _on_revoke(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self.release()

    def _on_lost(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._dispatcher.release(0)
        self._committer.disown()
