"""Reads the topic and keeps the group membership: the consumer of a mapping, in one thread.

Whatever goes wrong is told by the mapping's health and tried again with back-off: nothing ends the thread but `stop`
(L2).
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, Message, TopicPartition

from millrace_local.kafka_trigger import backoff, starting_position
from millrace_local.kafka_trigger import health as results
from millrace_local.kafka_trigger.backpressure import Backpressure
from millrace_local.kafka_trigger.committer import Committer
from millrace_local.kafka_trigger.counters import Counters
from millrace_local.kafka_trigger.dispatcher import Dispatcher
from millrace_local.kafka_trigger.health import Health
from millrace_local.kafka_trigger.payload import Encoder, Record
from millrace_local.kafka_trigger.settings import Settings

LOG = logging.getLogger(__name__)
IDLE_SECONDS = 0.25  # how long a poll waits at most, and so how late `stop` may be noticed
BUSY_SECONDS = 0.02  # while a batch is in flight: its end may have opened a batching window
CHECK_SECONDS = 1.0  # between looks whether a broker or topic that was missing is there again
AT_A_TIME = 2_000
LONGEST_FUNCTION_SECONDS = 14 * 60  # P12
NO_BROKER = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - librdkafka's own errors are named so
UNREACHABLE = {
    NO_BROKER,
    KafkaError._TRANSPORT,  # noqa: SLF001 - as above
    KafkaError._RESOLVE,  # noqa: SLF001 - as above
    KafkaError._TIMED_OUT,  # noqa: SLF001 - as above
}
MISSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - as above
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
}


class Poller:
    def __init__(
        self, settings: Settings, dispatcher: Dispatcher, committer: Committer, counters: Counters, health: Health
    ) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._committer = committer
        self._counters = counters
        self._health = health
        self._stopping = Event()
        self._encoders: dict[int, Encoder] = {}
        self._backpressure = Backpressure(settings.batch_size)
        self._topic_was_missing = False
        self._next_check = 0.0
        self._problem: str | None = None

    def stop(self) -> None:
        self._stopping.set()

    def run(self, started: Callable[[], None]) -> None:
        """Poll until `stop`; *started* is called once, when the starting position is fixed or cannot be yet."""
        failures = 0
        while not self._stopping.is_set():
            try:
                self._session(started)
            except Exception as error:  # noqa: BLE001 - L2: whatever it is, the mapping goes on
                failures += 1
                self._fail(error)
                started()
                self._stopping.wait(backoff.delay(failures))

    def _session(self, started: Callable[[], None]) -> None:
        """One consumer's life: find the topic and the start, join the group, poll until `stop`, leave in order (C10)."""
        consumer = Consumer(self._configuration(), logger=LOG)
        try:
            if not self._find_start(consumer, started):
                return
            self._committer.use(consumer)
            consumer.subscribe(
                [self._settings.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            started()
            while not self._stopping.is_set():
                self._poll(consumer)
            self._drain(consumer)
        finally:
            self._committer.use(None)
            consumer.close()

    def _find_start(self, consumer: Consumer, started: Callable[[], None]) -> bool:
        """Wait for broker and topic and resolve the starting position; false when told to stop meanwhile."""
        while not self._stopping.is_set():
            try:
                partitions = self._partitions(consumer)
                if not self._topic_was_missing:
                    starting_position.resolve(consumer, self._settings, partitions)
            except KafkaException as error:
                self._fail(error)
                started()
                self._stopping.wait(CHECK_SECONDS)
            else:
                self._recovered()
                return True
        return False

    def _partitions(self, consumer: Consumer) -> list[int]:
        topic = consumer.list_topics(self._settings.topic, timeout=2).topics[self._settings.topic]
        if topic.error:
            raise KafkaException(topic.error)
        return list(topic.partitions)

    def _poll(self, consumer: Consumer) -> None:
        wait = min(self._dispatcher.start_due(), BUSY_SECONDS if self._dispatcher.in_flight else IDLE_SECONDS)
        if not self._regulate(consumer):
            self._dispatcher.wait(wait)
        elif (first := consumer.poll(wait)) is not None:
            self._take([first, *consumer.consume(AT_A_TIME, 0)])
        self._committer.send()
        if self._problem and monotonic() >= self._next_check:
            self._check(consumer)

    def _take(self, messages: list[Message]) -> None:
        polled: dict[int, list[Record]] = defaultdict(list)
        for message in messages:
            if error := message.error():
                self._fail(KafkaException(error))
            else:
                number = message.partition()
                polled[number].append(self._record(message, number))
        if polled:
            self._recovered()
            self._dispatcher.offer(polled)

    def _record(self, message: Message, number: int) -> Record:
        encoder = self._encoders.get(number)
        if encoder is None:
            encoder = self._encoders[number] = Encoder(self._settings.topic, number)
        kind, timestamp = message.timestamp()
        name = "LOG_APPEND_TIME" if kind == TIMESTAMP_LOG_APPEND_TIME else "CREATE_TIME"
        return encoder.record(message.offset(), timestamp, name, message.key(), message.value(), message.headers())

    def _regulate(self, consumer: Consumer) -> bool:
        """Keep what is read ahead within bounds; gives whether to poll now."""
        advice = self._backpressure.advise(self._dispatcher.held(), monotonic())
        if advice.pause:
            consumer.pause(self._topic_partitions(advice.pause))
        if advice.resume:
            consumer.resume(self._topic_partitions(advice.resume))
        return not advice.wait

    def _topic_partitions(self, numbers: set[int]) -> list[TopicPartition]:
        return [TopicPartition(self._settings.topic, number) for number in numbers]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._dispatcher.assign([each.partition for each in partitions])
        for each in consumer.committed(partitions, timeout=5):
            low, _ = consumer.get_watermark_offsets(each, timeout=5)
            if 0 <= each.offset < low:
                text = "%s-%d: offset %d was deleted by retention; going on at %d, the first that is left."
                LOG.warning(text, each.topic, each.partition, each.offset, low)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        self._dispatcher.release(numbers, LONGEST_FUNCTION_SECONDS)
        self._committer.flush()
        self._committer.forget(numbers)

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        self._dispatcher.drop(numbers)
        self._committer.forget(numbers)

    def _drain(self, consumer: Consumer) -> None:
        """Let what is in flight end and commit it, still a member of the group."""
        self._dispatcher.stop()
        consumer.pause(consumer.assignment())
        while self._dispatcher.in_flight:
            consumer.poll(BUSY_SECONDS)
        self._committer.flush()

    def _check(self, consumer: Consumer) -> None:
        """Ask whether what was missing is there again, when no record tells."""
        self._next_check = monotonic() + CHECK_SECONDS
        try:
            self._partitions(consumer)
        except KafkaException as error:
            self._fail(error)
        else:
            self._recovered()

    def _recovered(self) -> None:
        self._problem = None
        self._health.source(None)

    def _error(self, error: KafkaError) -> None:
        """librdkafka's own report: of what it says, only that no broker answers matters here."""
        if error.code() == NO_BROKER:
            self._fail(KafkaException(error))

    def _fail(self, error: Exception) -> None:
        code = error.args[0].code() if isinstance(error, KafkaException) else None
        if code in MISSING:
            self._topic_was_missing = True
            problem = results.TOPIC_MISSING.format(topic=self._settings.topic)
        elif code in UNREACHABLE:
            problem = results.CONNECTION_ERROR.format(bootstrap=self._settings.bootstrap)
        else:
            problem = f"PROBLEM: {error}"
        self._counters.PollingErrorCount += 1
        if problem != self._problem:
            LOG.warning("Mapping %s: %s", self._settings.uuid, problem, exc_info=None if code is not None else error)
        self._problem = problem
        self._health.source(problem)

    def _configuration(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._settings.bootstrap,
            "group.id": self._settings.group,
            "client.id": f"{self._settings.uuid}-0",
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",  # without a committed offset (G3), or when retention deleted it (G6)
            "allow.auto.create.topics": False,
            "session.timeout.ms": 6_000,  # the least a broker allows: how long partitions of a killed owner wait
            "heartbeat.interval.ms": 1_500,
            "max.poll.interval.ms": (LONGEST_FUNCTION_SECONDS + 60) * 1000,  # a rebalance waits for the function (C10)
            "topic.metadata.refresh.interval.ms": 5_000,  # how soon new partitions are noticed
            "reconnect.backoff.max.ms": 1_000,
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 10,  # by default a full prefetch queue, once drained, stays empty for a second
            "queued.max.messages.kbytes": 16 * 1024,
            "queued.min.messages": 20_000,
            "error_cb": self._error,
            "on_commit": self._committer.committed,
        }
