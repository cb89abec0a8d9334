"""The order of a key on the wire: no record is first seen after a younger one, however slow or dead the broker is."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaError

from kernel.messaging import kafka as producer
from kernel.messaging import outbox, relay
from kernel.messaging.outbox import Message
from tests.faults.harness.checker import inversions
from tests.kit import topics
from tests.kit.databases import Database
from tests.kit.servers import wait_until
from tests.kit.slow_broker import StoppableBroker

KEYS = 3
ROWS = 2000
ROW_BYTES = 30_000
FAILURES = 5  # at most: a fast machine gets all through with fewer


def add(database: Database, topic: str, count: int, size: int) -> None:
    """Add rows 0, 1, 2 … of *KEYS* keys in turn, each of *size* bytes."""
    with database.connect("app") as connection:
        for first in range(0, count, 100):
            outbox.add_messages(
                connection,
                [
                    Message(topic, b"%d" % (n % KEYS), [], (b"%d " % n).ljust(size, b"."), f"{topic} {n % KEYS}")
                    for n in range(first, min(first + 100, count))
                ],
            )


def by_key(bootstrap: str, topic: str) -> dict[bytes | None, list[int]]:
    found: dict[bytes | None, list[int]] = defaultdict(list)
    for each in topics.read(bootstrap, topic):
        found[each.key()].append(int((each.value() or b"").split()[0]))
    return found


@pytest.fixture
def broker(
    activity: Database, stoppable_broker: StoppableBroker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StoppableBroker]:
    """A broker to be slowed or stopped; this process is the activity domain's relay, and publishes to it."""
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", activity.url("relay"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stoppable_broker.bootstrap)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    yield stoppable_broker
    producer.close()


def test_a_slow_broker_gets_every_key_in_order(
    activity: Database, broker: StoppableBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 MB for a broker that is stopped for longer than the producer waits for an acknowledgement, again and again."""
    for option, milliseconds in (("linger_ms", 900), ("request_timeout_ms", 1_000), ("delivery_timeout_ms", 2_000)):
        monkeypatch.setitem(producer.OPTIONS, option, milliseconds)
    monkeypatch.setattr(producer, "LONGEST_SEND_SECONDS", 3)
    topic = topics.create(broker.bootstrap, partitions=4)
    add(activity, topic, ROWS, ROW_BYTES)

    with contextlib.ExitStack() as slowing:
        slowing.enter_context(broker.slowed(stopped=2.5, runs=0.3))
        failures = 0
        for _ in failed_relays(activity):
            failures += 1
            if failures == FAILURES:
                slowing.close()

    assert failures > 0, "nothing has expired"
    found = by_key(broker.bootstrap, topic)
    assert {key: inversions(numbers) for key, numbers in found.items()} == {key: [] for key in found}
    assert {number for numbers in found.values() for number in numbers} == set(range(ROWS))


def test_a_producer_that_was_given_up_sends_nothing_more(activity: Database, broker: StoppableBroker) -> None:
    """While the broker hangs, rows stay where they are, and no thread is left that would send them behind our back."""
    topic = topics.create(broker.bootstrap, partitions=4)
    add(activity, topic, 100, ROW_BYTES)
    producer._producer()

    with broker.stopped():
        with pytest.raises(KafkaError):
            relay.publish("activity", 0)
        wait_until(lambda: not senders(), what="the producer's thread to end")

    assert activity.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL AND parked_at IS NULL") == [(100,)]


@pytest.mark.parametrize(("sizes", "expected"), [([400_000] * 3, 2), ([1_010_000, 10], 1), ([10, 1_010_000], 1)])
def test_one_call_publishes_one_batch(sizes: list[int], expected: int, topic: str) -> None:
    """As many of the oldest as fit; a message that is larger than a batch goes alone."""
    messages = [Message(topic, b"key", [], b"." * size, "key") for size in sizes]

    assert producer.publish(messages) == [None] * expected


def senders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.endswith("network-thread")]


def failed_relays(database: Database) -> Iterator[KafkaError]:
    """Run one relay after the other until all is published. Yields the error of each that fails."""
    while database.rows("SELECT FROM outbox WHERE published_at IS NULL"):
        try:
            relay.publish("activity", 0)
        except KafkaError as error:
            yield error
