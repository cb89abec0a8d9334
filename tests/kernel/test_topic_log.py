"""Reading a topic's own log: by offsets, without a group, and never silently less than was asked for."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from kernel.errors import ConflictError, NotFoundError, UnavailableError
from kernel.messaging.log_record import LogHeader, LogRecord
from kernel.messaging.topic_log import TopicLog
from tests.kit import topics
from tests.kit.servers import wait_until
from tests.kit.slow_broker import StoppableBroker


@pytest.fixture
def log(topic: str) -> Iterator[TopicLog]:
    """The log of the session's broker, to which *topic* belongs."""
    assert topic
    with TopicLog() as connected:
        yield connected


def produce(bootstrap: str, topic: str, partition: int, values: list[bytes], **options: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap} | options)
    for value in values:
        producer.produce(topic, value, key=b"k", partition=partition)
    assert producer.flush(20) == 0


def values(records: Iterator[LogRecord]) -> list[bytes | None]:
    return [each.value for each in records]


def test_records_come_back_as_they_were_written(kafka: str, topic: str, log: TopicLog) -> None:
    """Nothing and empty differ, names may repeat, and a header may have no value."""
    headers: list[LogHeader] = [("n", b"1"), ("m", b"\xff\x00"), ("n", None), ("n", b"")]
    contents: list[tuple[bytes | None, bytes | None]] = [(b"k", b"v"), (None, b""), (b"", None), (b"\xff", b"\xfe")]
    producer = Producer({"bootstrap.servers": kafka})
    for key, value in contents:
        producer.produce(topic, value, key, partition=2, timestamp=1_790_000_000_123, headers=headers)
    assert producer.flush(20) == 0

    assert list(log.read(topic, 2, 0, 4)) == [
        LogRecord(topic, 2, number, 1_790_000_000_123, key, value, headers)
        for number, (key, value) in enumerate(contents)
    ]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_are_read(kafka: str, topic: str, log: TopicLog, codec: str) -> None:
    """Another producer, or the topic's own setting, may compress."""
    written = [b"%d " % n * 100 for n in range(1000)]
    produce(kafka, topic, 0, written, **{"compression.type": codec})

    assert values(log.read(topic, 0, 0, 1000)) == written


def test_a_read_gives_the_asked_offsets_alone(kafka: str, topic: str, log: TopicLog) -> None:
    produce(kafka, topic, 1, [b"%d" % n for n in range(5000)])

    assert values(log.read(topic, 1, 1234, 4321)) == [b"%d" % n for n in range(1234, 4321)]
    assert values(log.read(topic, 1, 5, 5)) == []
    assert values(log.read(topic, 1, 0, 2)) == [b"0", b"1"]


def test_several_partitions_are_read_together_each_in_order(kafka: str, topic: str, log: TopicLog) -> None:
    for partition in range(4):
        produce(kafka, topic, partition, [b"%d" % n for n in range(3000)])

    read = list(log.read_all(topic, {0: range(3000), 1: range(10, 20), 3: range(1000, 3000), 2: range(0)}))

    assert {number: [each.offset for each in read if each.partition == number] for number in range(4)} == {
        0: list(range(3000)),
        1: list(range(10, 20)),
        2: [],
        3: list(range(1000, 3000)),
    }


def test_topics_partitions_and_offsets_are_listed(kafka: str, topic: str, log: TopicLog) -> None:
    produce(kafka, topic, 3, [b"x"] * 7)

    assert topic in log.topics()
    assert log.partitions(topic) == [0, 1, 2, 3]
    assert log.ranges(topic) == {0: range(0), 1: range(0), 2: range(0), 3: range(7)}


def test_an_offset_is_found_by_its_time(kafka: str, topic: str, log: TopicLog) -> None:
    """A time after the last record gives the end of the log."""
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(10):
        producer.produce(topic, b"x", partition=0, timestamp=1_790_000_000_000 + number * 1000)
    assert producer.flush(20) == 0

    assert log.offset_at(topic, 1_790_000_003_500) == {0: 4, 1: 0, 2: 0, 3: 0}
    assert log.offset_at(topic, 1_800_000_000_000)[0] == 10
    assert log.offset_at(topic, -5)[0] == 0


def test_offsets_that_compaction_removed_are_left_out(kafka: str, log: TopicLog) -> None:
    """The read ends at its end, whatever is left of the offsets before."""
    topic = topics.create(kafka, configuration=topics.COMPACTED)
    produce(kafka, topic, 0, [b"%d" % n for n in range(100)])

    def compacted() -> bool:
        produce(kafka, topic, 0, [b"newer"])  # the segment being written is never compacted
        return len(list(log.read(topic, 0, 0, 100))) < 100

    wait_until(compacted, seconds=60, what="the topic to be compacted")

    offsets = [each.offset for each in log.read(topic, 0, 0, log.ranges(topic)[0].stop)]
    assert offsets == sorted(set(offsets))
    assert len(offsets) < log.ranges(topic)[0].stop


def test_a_read_ends_though_its_last_offsets_are_no_records(kafka: str, topic: str, log: TopicLog) -> None:
    """The end of a transaction has an offset, and so have the records of an aborted one."""
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": uuid4().hex})
    producer.init_transactions(20)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic, end.__name__.encode(), partition=0)
        assert producer.flush(20) == 0
        end(20)

    wait_until(lambda: log.ranges(topic)[0] == range(4), what="both transactions to be over")
    assert values(log.read(topic, 0, 0, 4)) == [b"commit_transaction"]
    assert values(log.read(topic, 0, 2, 4)) == []


def test_a_deleted_offset_is_an_error_that_names_the_first_one_left(kafka: str, topic: str, log: TopicLog) -> None:
    produce(kafka, topic, 0, [b"x"] * 100)
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.delete_records([TopicPartition(topic, 0, 60)])[TopicPartition(topic, 0)].result(20)

    assert log.ranges(topic)[0] == range(60, 100)
    with pytest.raises(ConflictError, match=rf"{topic}, partition 0: offset 59 .*first available one is 60"):
        next(log.read(topic, 0, 59, 100))


def test_records_deleted_while_they_are_read_are_an_error(kafka: str, topic: str) -> None:
    """What the broker has sent already is still given."""
    produce(kafka, topic, 0, [b"x" * 1000] * 5000)
    admin = AdminClient({"bootstrap.servers": kafka})
    with TopicLog(fetch_bytes=10_000) as log:
        reading = log.read(topic, 0, 0, 5000)
        next(reading)
        admin.delete_records([TopicPartition(topic, 0, 4999)])[TopicPartition(topic, 0)].result(20)

        with pytest.raises(ConflictError, match=r"no longer there, the first available one is 4999"):
            list(reading)


def test_an_offset_after_the_end_is_an_error(kafka: str, topic: str, log: TopicLog) -> None:
    produce(kafka, topic, 0, [b"x"] * 3)

    with pytest.raises(ConflictError, match="the log ends before offset 3, 9 was asked for"):
        next(log.read(topic, 0, 0, 10))


def test_an_absent_topic_or_partition_is_named(topic: str, log: TopicLog) -> None:
    for ask in (log.partitions, log.ranges, lambda absent: log.offset_at(absent, 0)):
        with pytest.raises(NotFoundError, match="no topic absent-topic"):
            ask("absent-topic")
    with pytest.raises(NotFoundError, match=rf"{topic} has no partition 7"):
        next(log.read(topic, 7, 0, 1))


def test_a_second_read_ends_the_first(kafka: str, topic: str, log: TopicLog) -> None:
    """Both share a position, so the first would miss records."""
    produce(kafka, topic, 0, [b"x"] * 3)
    first = log.read(topic, 0, 0, 3)
    next(first)
    next(log.read(topic, 0, 1, 3))

    with pytest.raises(RuntimeError, match="Another read has begun"):
        next(first)


def test_a_broker_that_hangs_ends_a_read(stoppable_broker: StoppableBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap = stoppable_broker.bootstrap
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    topic = topics.create(bootstrap)
    produce(bootstrap, topic, 0, [b"x" * 1000] * 5000)
    with TopicLog(fetch_bytes=10_000, patience_seconds=2) as log:
        reading = log.read(topic, 0, 0, 5000)
        next(reading)
        with stoppable_broker.stopped():
            with pytest.raises(UnavailableError, match="Kafka"):
                list(reading)
            for ask in (log.topics, lambda: log.ranges(topic), lambda: log.partitions("another")):
                with pytest.raises(UnavailableError, match="Kafka"):
                    ask()


def test_an_absent_broker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")

    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        TopicLog()
