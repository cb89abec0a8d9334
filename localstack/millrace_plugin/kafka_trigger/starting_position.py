"""Decide where a mapping starts to read each partition (kafka-starting-positions, G1 to G3, G6).

The starting position is resolved once for all existing partitions, before the mapping is shown as Enabled. A partition
that appears later starts at its beginning.

The resolved offsets are kept in this process, because Kafka deletes a group's committed offsets with the topic. They
are committed at once if the group has no members. A group with members takes commits only from them, so the member
that gets the partition commits its offset.

Each commit carries the topic's id. An offset that was committed for another topic of the same name is void.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from millrace_plugin.kafka_trigger import retry
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.source_topic import SourceTopic, TopicState

LOG = logging.getLogger(__name__)
TIMEOUT_SECONDS = 5
ID_PREFIX = "topic-id="


@dataclass(frozen=True)
class Start:
    """A resolved starting position: offsets of one topic. Without offsets the topic is read from its beginning."""

    topic_id: str | None = None
    offsets: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Committed:
    """The offset that a group has committed for a partition. A negative one means that it has committed none."""

    offset: int
    topic_id: str | None = None
    """None if the commit does not carry it."""


@dataclass(frozen=True)
class Position:
    offset: int
    void_reason: str = ""
    """Why the committed offset is void. Empty if it is valid, or if there is none."""


_resolved: dict[str, Start] = {}


def forget(uuid: str) -> None:
    """Forget the starting position of a deleted mapping."""
    _resolved.pop(uuid, None)


def start_at_beginning(settings: Settings) -> None:
    """Start a mapping whose topic does not exist yet at the topic's beginning."""
    _resolved.setdefault(settings.uuid, Start())


def resolve(
    consumer: Consumer, settings: Settings, topic: SourceTopic, state: TopicState, enabled_ms: int | None
) -> None:
    """Resolve and keep the mapping's starting position, unless that was done before.

    enabled_ms: when the mapping was shown as Enabled while no broker answered, in milliseconds since 1970. LATEST then
        means that moment. None if the brokers answered.

    Raises:
        KafkaException: the broker did not answer; nothing is kept.
    """
    if settings.uuid in _resolved:
        return
    offsets: Mapping[int, int] = {}
    moment = settings.starting_timestamp_ms if settings.starting_position == "AT_TIMESTAMP" else enabled_ms
    if settings.starting_position == "TRIM_HORIZON" or _has_committed(consumer, settings.topic, state.partitions):
        pass
    elif moment is not None:
        offsets = topic.offsets_at(moment, state.partitions)
    else:
        offsets = topic.ends(state.partitions, committed=True)
    _commit_from_outside(consumer, settings.topic, state.id, offsets)
    _resolved[settings.uuid] = Start(state.id, offsets)


def find_offsets(
    consumer: Consumer, settings: Settings, topic: SourceTopic, state: TopicState, partitions: Collection[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the next offset of each of *partitions*, and those of these offsets that are not committed yet.

    Raises:
        KafkaException: the broker did not answer.
    """
    if not partitions:
        return {}, {}
    start = _resolved.get(settings.uuid, Start())
    committed = _fetch_committed(consumer, settings.topic, partitions)
    lows, ends = topic.earliest(partitions), topic.ends(partitions)
    found: dict[int, int] = {}
    uncommitted: dict[int, int] = {}
    for number in partitions:
        position = decide(committed[number], state.id, start, number, (lows[number], ends[number]))
        found[number] = position.offset
        if position.void_reason:
            text = "%s-%d: offset %d %s; going on at %d, the first that is left."
            LOG.warning(text, settings.topic, number, committed[number].offset, position.void_reason, position.offset)
        if position.void_reason or (committed[number].offset < 0 and settings.starting_position != "TRIM_HORIZON"):
            uncommitted[number] = position.offset
    return found, uncommitted


def decide(committed: Committed, topic_id: str | None, start: Start, number: int, bounds: tuple[int, int]) -> Position:
    """Decide where to continue with a partition.

    topic_id: the topic's id. None if the brokers know none.
    start: the resolved starting position.
    number: the partition's.
    bounds: the offsets of its first record and after its last.
    """
    low, end = bounds
    if committed.offset < 0:
        offset = start.offsets.get(number, low) if start.topic_id == topic_id else low
        return Position(offset if low <= offset <= end else low)
    if committed.topic_id and topic_id and committed.topic_id != topic_id:
        return Position(low, "was committed for a topic of this name that was deleted")
    if committed.offset < low:
        return Position(low, "was deleted by retention")
    if committed.offset > end:
        return Position(low, f"is beyond the end, {end}")
    return Position(committed.offset)


def metadata(topic_id: str | None) -> str:
    """Return the metadata of a commit: the topic's id, or nothing if it is unknown."""
    return f"{ID_PREFIX}{topic_id}" if topic_id else ""


def _commit_from_outside(consumer: Consumer, topic: str, topic_id: str | None, offsets: Mapping[int, int]) -> None:
    """Commit for a group without members, so that a crash before the consumer joins does not move the start."""
    try:
        if offsets:
            commits = [TopicPartition(topic, number, offset, metadata(topic_id)) for number, offset in offsets.items()]
            retry.until_ready(lambda: consumer.commit(offsets=commits, asynchronous=False))
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_MEMBER_ID:
            raise


def _has_committed(consumer: Consumer, topic: str, partitions: Collection[int]) -> bool:
    return any(each.offset >= 0 for each in _fetch_committed(consumer, topic, partitions).values())


def _fetch_committed(consumer: Consumer, topic: str, partitions: Collection[int]) -> dict[int, Committed]:
    asked = [TopicPartition(topic, number) for number in partitions]
    found = retry.until_ready(lambda: consumer.committed(asked, timeout=TIMEOUT_SECONDS))
    return {each.partition: Committed(each.offset, _topic_id(each.metadata)) for each in found}


def _topic_id(text: str | None) -> str | None:
    return text.removeprefix(ID_PREFIX) if text and text.startswith(ID_PREFIX) else None
