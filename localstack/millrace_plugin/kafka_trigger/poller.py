"""Consume a mapping's topic in one thread.

Every error is shown in LastProcessingResult and retried with back-off: only `stop` ends the thread (L2).
"""

import logging
import time
from collections.abc import Callable
from threading import Event
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from millrace_plugin.kafka_trigger import backoff, membership, problems, starting_position
from millrace_plugin.kafka_trigger.backpressure import Backpressure
from millrace_plugin.kafka_trigger.committer import Committer
from millrace_plugin.kafka_trigger.conditions import Condition
from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.dispatcher import Dispatcher
from millrace_plugin.kafka_trigger.membership import Membership
from millrace_plugin.kafka_trigger.problems import Problems
from millrace_plugin.kafka_trigger.processing_result import ProcessingResult
from millrace_plugin.kafka_trigger.reader import Reader
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.source_topic import SourceTopic, TopicRecreatedError, TopicState, TopicWatch

LOG = logging.getLogger(__name__)
IDLE_SECONDS = 0.25  # the longest wait of a poll, and so of `stop`
BUSY_SECONDS = 0.02  # the longest wait while a batch is in flight: its end can open a batching window
CHECK_SECONDS = 1.0  # between two attempts to reach a missing broker or topic
AT_A_TIME = 2_000
POSITION_LOST = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001 - librdkafka's own errors are named so
AT_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - as above


class PositionLostError(Exception):
    """The topic does not hold the next offset."""


class Poller:
    def __init__(
        self,
        settings: Settings,
        dispatcher: Dispatcher,
        committer: Committer,
        counters: Counters,
        processing_result: ProcessingResult,
    ) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._committer = committer
        self._problems = Problems(settings, counters, processing_result)
        self._stopping = Event()
        self._reader = Reader(settings)
        self._backpressure = Backpressure(settings.batch_size)
        self._state: TopicState | None = None
        self._enabled_ms: int | None = None
        self._failures = 0

    def stop(self) -> None:
        self._stopping.set()

    def conditions(self) -> tuple[Condition, ...]:
        """Return what prevents reading the topic. Any thread may call it."""
        return self._problems.conditions()

    def run(self, started: Callable[[], None]) -> None:
        """Poll until `stop`.

        started: called once the starting position is fixed, or once it turns out that no broker answers yet.
        """
        while not self._stopping.is_set():
            try:
                self._run_session(started)
            except (PositionLostError, TopicRecreatedError) as error:
                LOG.warning("Mapping %s: %s", self._settings.uuid, error)
                self._stopping.wait(IDLE_SECONDS)
            except Exception as error:  # noqa: BLE001 - L2: no error ends the mapping
                self._failures += 1
                self._problems.report(error)
                self._start_without_position(started)
                self._stopping.wait(backoff.delay(self._failures))
        self._dispatcher.forget()

    def _run_session(self, started: Callable[[], None]) -> None:
        """Use one consumer: find the starting position, join the group, poll until `stop`, leave the group (C10)."""
        callbacks = {"error_cb": self._problems.on_client_error, "on_commit": self._committer.on_commit}
        consumer = Consumer(membership.configuration(self._settings) | callbacks, logger=LOG)
        topic = SourceTopic(self._settings.bootstrap, self._settings.topic, f"{self._settings.uuid}-topic")
        try:
            if state := self._find_start(consumer, topic, started):
                self._committer.use(consumer, starting_position.metadata(state.id))
                started()
                self._poll_until_stop(consumer, topic, state)
        finally:
            self._committer.use(None)
            consumer.close()

    def _find_start(self, consumer: Consumer, topic: SourceTopic, started: Callable[[], None]) -> TopicState | None:
        """Wait for broker and topic and resolve the starting position.

        Returns the topic's state, or None if `stop` came first.
        """
        while not self._stopping.is_set():
            try:
                state = topic.state()
                starting_position.resolve(consumer, self._settings, topic, state, self._enabled_ms)
            except (KafkaException, TimeoutError) as error:
                if problems.is_missing(error):
                    starting_position.start_at_beginning(self._settings)
                self._problems.report(error)
                self._start_without_position(started)
                self._stopping.wait(CHECK_SECONDS)
            else:
                return state
        return None

    def _start_without_position(self, started: Callable[[], None]) -> None:
        """Show the mapping as started although its starting position is unknown."""
        self._enabled_ms = self._enabled_ms or int(time.time() * 1000)
        started()

    def _poll_until_stop(self, consumer: Consumer, topic: SourceTopic, state: TopicState) -> None:
        """Poll as a member of the group. Commit what is settled, also after an error."""
        if self._state is None or state.id is None or state.id != self._state.id:
            self._dispatcher.forget()
        self._state = state
        member = Membership(self._settings, topic, state, self._dispatcher, self._committer, self._on_assigned)
        watch = TopicWatch(topic, state)
        try:
            self._problems.report_joining()
            member.join(consumer)
            while not self._stopping.is_set():
                self._poll(consumer, topic)
                self._check_topic(topic, watch)
            self._drain(consumer)
        except TopicRecreatedError:
            self._dispatcher.forget()
            raise
        except Exception:
            member.release()
            raise

    def _poll(self, consumer: Consumer, topic: SourceTopic) -> None:
        wait = min(self._dispatcher.start_due(), BUSY_SECONDS if self._dispatcher.in_flight else IDLE_SECONDS)
        if not self._apply_backpressure(consumer):
            self._dispatcher.wait(wait)
        elif (first := consumer.poll(wait)) is not None:
            self._offer([first, *consumer.consume(AT_A_TIME, 0)], topic)
        self._committer.send()

    def _check_topic(self, topic: SourceTopic, watch: TopicWatch) -> None:
        """Detect that the topic was deleted or re-created, that it deleted retried records, or that no broker answers."""
        try:
            if watch.check():
                self._problems.clear()
                self._committer.recommit()
                if stuck := [number for number, each in self._dispatcher.backlogs().items() if each.stuck]:
                    self._dispatcher.set_log_starts(topic.earliest(stuck))
        except (KafkaException, TimeoutError) as error:
            if problems.is_missing(error):
                raise
            self._problems.report(error)

    def _offer(self, messages: list[Message], topic: SourceTopic) -> None:
        polled, ends = [], {}
        for message in messages:
            if (error := message.error()) is None:
                polled.append(message)
            elif error.code() == AT_END:
                ends[message.partition()] = message.offset()
            else:
                self._handle_error(error, topic)
        if polled:
            self._failures = 0
            self._problems.clear()
        if polled or ends:
            self._dispatcher.offer(self._reader.read(polled, ends))

    def _handle_error(self, error: KafkaError, topic: SourceTopic) -> None:
        """Report an error that was polled. Raises an error if the consumer cannot recover from it."""
        if error.code() == POSITION_LOST:
            raise PositionLostError(error.str())
        failure = KafkaException(error)
        if problems.is_missing(failure):
            raise failure
        if error.code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL:
            self._problems.report_assignor(topic.assignor(self._settings.group))
        else:
            self._problems.report(failure)

    def _on_assigned(self) -> None:
        self._failures = 0
        self._backpressure = Backpressure(self._settings.batch_size)
        self._problems.clear_membership()

    def _apply_backpressure(self, consumer: Consumer) -> bool:
        """Pause and resume partitions to bound what is read ahead. Returns whether to poll now."""
        decision = self._backpressure.decide(self._dispatcher.backlogs(), monotonic())
        if decision.pause:
            consumer.pause(self._topic_partitions(decision.pause))
        if decision.resume:
            consumer.resume(self._topic_partitions(decision.resume))
        return not decision.wait

    def _topic_partitions(self, numbers: set[int]) -> list[TopicPartition]:
        return [TopicPartition(self._settings.topic, number) for number in numbers]

    def _drain(self, consumer: Consumer) -> None:
        """Wait for invocations in flight and commit them before leaving the group."""
        self._dispatcher.stop()
        consumer.pause(consumer.assignment())
        while self._dispatcher.in_flight:
            consumer.poll(BUSY_SECONDS)
        self._committer.flush()
