"""kill -9 of relays, one, two or four at once, at random points: each key stays in order, and nothing is missing."""

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from kernel.messaging import outbox
from kernel.messaging.outbox import Message
from tests.kit import relays, topics
from tests.kit.databases import Database
from tests.kit.servers import wait_until

ROWS, KEYS = 4000, 30
KILLS = 8
BATCH = 100


@pytest.mark.parametrize("count", [1, 2, 4])
def test_killed_relays_keep_every_key_in_order(activity: Database, kafka: str, count: int) -> None:
    """A record is repeated only if it was in the batch of a killed relay, and none is first seen after a younger one."""
    chance = Random(11 * count)  # noqa: S311 - a seed, so that a failure can be repeated
    topic = topics.create(kafka, partitions=4)
    points = sorted(chance.sample(range(ROWS - BATCH), KILLS))

    with relays.at_work(activity, kafka, count, BATCH) as crew, ThreadPoolExecutor() as pool:
        flood = pool.submit(add, activity, topic)
        for point in points:
            wait_until(lambda: published(activity) >= point, seconds=120, what=f"{point} rows to be published")  # noqa: B023 - called at once
            crew.kill(chance.randrange(count))
            crew.start("600")
        flood.result()
        wait_until(lambda: published(activity) == ROWS, seconds=120, what="all rows to be published")

    seen = by_key(kafka, topic)
    firsts = {key: list(dict.fromkeys(numbers)) for key, numbers in seen.items()}
    assert firsts == {b"%d" % key: list(range(key, ROWS, KEYS)) for key in range(KEYS)}
    repeats = sum(Counter(number for numbers in seen.values() for number in numbers).values()) - ROWS
    assert 0 <= repeats <= KILLS * BATCH


def add(database: Database, topic: str) -> None:
    """Add the rows, of one key after the other in turn, in many transactions."""
    with database.connect("app") as connection:
        for first in range(0, ROWS, 20):
            numbers = range(first, first + 20)
            messages = [Message(topic, b"%d" % (n % KEYS), [], b"%d" % n, f"key {n % KEYS}") for n in numbers]
            outbox.add_messages(connection, messages)


def published(database: Database) -> int:
    [(count,)] = database.rows("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")
    return int(count)


def by_key(bootstrap: str, topic: str) -> dict[bytes | None, list[int]]:
    found: dict[bytes | None, list[int]] = defaultdict(list)
    for each in topics.read(bootstrap, topic):
        found[each.key()].append(int(each.value() or b""))
    return found
