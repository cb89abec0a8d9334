"""Dead letters: grouped by cause, redriven to the consumer that failed in the order of their originals, or set aside."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Message

from kernel.messaging import dead_letters, events, kafka
from kernel.messaging.dead_letters import DeadLetter
from kernel.settings import Consumer as Settings
from operations import (
    change_task,
    consumers,
    export_dead_letters,
    group_dead_letters,
    list_audit,
    list_dead_letters,
    list_tasks,
    redrive_dead_letters,
    settle_dead_letters,
    show_dead_letter,
    task_store,
)
from operations.database import transaction
from tests.kit import operation_process, operations, topics
from tests.kit.lambda_events import Context, record
from tests.kit.servers import wait_until

pytestmark = pytest.mark.usefixtures("operations", "brokers")

GROUP = "orders-test-events"


class Letters:
    """A topic, its consumer and the consumer's dead letters."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.topic = topics.create(bootstrap, partitions=2)
        self.dead = topics.create(bootstrap)

    def settings(self) -> Settings:
        return Settings(self.topic, GROUP, self.dead, 100, "DEBUG")

    def add(self, *originals: tuple[int, int], error: Exception | None = None, **changes: object) -> None:
        """Dead-letter the records at these partitions and offsets, of which every partition has one key."""
        found = []
        for partition, offset in originals:
            headers = [("ce_id", str(uuid4()).encode()), ("ce_type", b"Paid"), *changes.items()]
            key = f"key-{partition}".encode()
            value = json.dumps({"offset": offset}).encode()
            raw = record(value, offset, partition=partition, key=key, headers=headers) | {"topic": self.topic}  # type: ignore[arg-type]
            letter = DeadLetter(events.parse(raw), error or ValueError("no such order"))
            found.append(dead_letters._message("orders", self.settings(), GROUP, letter))
        assert kafka.publish(found) == [None] * len(found)

    def redriven(self) -> list[Message]:
        return topics.read(self.bootstrap, self.topic)


@pytest.fixture
def letters(brokers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    found = Letters(brokers)
    entry = {
        "name": "orders.on_test_events",
        "function": "OrdersOnTestEvents",
        "topic": found.topic,
        "group": GROUP,
        "dead_letter_topic": found.dead,
        "types": ["Paid"],
        "together": False,
        "generation": 1,
        "ignores_replays": False,
        "idempotent_without_inbox": True,
    }
    file = tmp_path / "consumers.json"
    file.write_text(json.dumps([entry]))
    monkeypatch.setattr(consumers, "FILE", file)
    monkeypatch.setenv("DATABASE_URL_ORDERS_RO", "postgresql://nobody@127.0.0.1:1/nothing")
    consumers.consumers.cache_clear()
    yield found
    consumers.consumers.cache_clear()


def names(found: dict[str, Any]) -> list[str]:
    return [each["original"].partition(":")[2] for each in found["letters"]]


def test_lists_what_waits_in_the_order_of_the_originals(letters: Letters) -> None:
    """With where it comes from and why it failed."""
    letters.add((1, 7), (0, 9), (1, 3))

    found = operations.run(list_dead_letters.handler)

    assert names(found) == ["0:9", "1:3", "1:7"]
    first = found["letters"][0]
    assert (first["type"], first["key"], first["consumer"], first["error"]) == ("Paid", "key-0", GROUP, "ValueError")
    assert (first["message"], first["state"], first["dialect"]) == ("no such order", "waiting", "millrace")


def test_a_letter_that_the_relay_published_twice_is_one(letters: Letters) -> None:
    """`dlq_id` is the same in both."""
    for _ in range(2):
        letters.add((0, 1), ce_id=b"1")

    assert operations.run(list_dead_letters.handler)["count"] == 1


def test_groups_by_cause(letters: Letters) -> None:
    """The largest first, with an example that can be shown."""
    letters.add((0, 1), (0, 2), (1, 3))
    letters.add((0, 4), error=KeyError("x"))

    found = operations.run(group_dead_letters.handler)

    assert [(each["error"], each["count"], each["keys"]) for each in found["groups"]] == [
        ("ValueError", 3, 2),
        ("KeyError", 1, 1),
    ]
    example = operations.run(show_dead_letter.handler, letter=found["groups"][0]["example"])
    assert example["value"] == {"offset": 3}
    assert (example["why"]["topic"], example["why"]["offset"]) == (letters.topic, 3)
    chosen = operations.run(list_dead_letters.handler, group=found["groups"][1]["group"])
    assert names(chosen) == ["0:4"]


def test_a_redrive_plans_first_and_publishes_for_the_consumer_that_failed(letters: Letters) -> None:
    """Key, value and headers are the original's; the order of each key is that of the originals."""
    letters.add((1, 7), (0, 9), (1, 3))
    plan = operations.run(redrive_dead_letters.handler)
    assert (plan["count"], plan["types"], plan["topics"]) == (3, {"Paid": 3}, {letters.topic: 3})
    assert letters.redriven() == []

    result = operations.run(redrive_dead_letters.handler, execute=True, expect=3, who="ann", reason="deployed a fix")

    assert (result["state"], result["published"]) == ("done", 3)
    published = sorted(letters.redriven(), key=lambda each: (each.partition(), each.offset()))
    assert [json.loads(each.value() or b"")["offset"] for each in published] == [9, 3, 7]
    headers = dict(published[1].headers() or [])
    assert headers["for_consumer"] == GROUP.encode()
    assert headers["redrive_id"] == str(result["task"]).encode()
    assert (headers["redrive_count"], headers["redrive_partition"], headers["redrive_offset"]) == (b"1", b"1", b"3")
    assert headers["ce_type"] == b"Paid"
    assert operations.run(list_dead_letters.handler)["count"] == 0
    assert operations.run(list_dead_letters.handler, state="redriven")["count"] == 3
    [entry] = operations.run(list_audit.handler)
    assert (entry["command"], entry["who"], entry["reason"]) == ("dead-letters redrive", "ann", "deployed a fix")
    assert entry["counts"] == {"letters": 3}


def test_a_letter_that_was_redriven_too_often_is_parked(letters: Letters) -> None:
    """It waits no longer, until an operator raises the limit."""
    letters.add((0, 1), redrive_count=b"5", redrive_id=b"x", redrive_partition=b"0", redrive_offset=b"0")

    plan = operations.run(redrive_dead_letters.handler)

    assert plan["count"] == 0
    assert plan["notes"] == ["1 are parked after 5 redrives: --max-redrives takes them too"]
    assert operations.run(list_dead_letters.handler, state="parked")["count"] == 1
    assert operations.run(redrive_dead_letters.handler, max_redrives=6)["count"] == 1


def test_archived_letters_are_left_alone_until_they_are_restored(letters: Letters) -> None:
    letters.add((0, 1), (0, 2))
    operations.run(settle_dead_letters.handler, action="archive", max=1, execute=True, expect=1)

    assert names(operations.run(list_dead_letters.handler)) == ["0:2"]
    assert operations.run(redrive_dead_letters.handler)["count"] == 1

    assert operations.run(settle_dead_letters.handler, action="restore", execute=True)["changed"] == 1
    assert operations.run(list_dead_letters.handler)["count"] == 2


def test_discarded_letters_cannot_be_restored(letters: Letters) -> None:
    letters.add((0, 1))
    [letter] = operations.run(list_dead_letters.handler)["letters"]
    assert operations.run(settle_dead_letters.handler, action="discard", letter=letter["letter"])["count"] == 1
    operations.run(settle_dead_letters.handler, action="discard", letter=letter["letter"], execute=True)

    assert operations.run(settle_dead_letters.handler, action="restore")["count"] == 0
    assert operations.run(list_dead_letters.handler, state="discarded")["count"] == 1


def test_exports_lines_that_other_tools_read(letters: Letters) -> None:
    letters.add((0, 1), (0, 2))

    lines = operations.run(export_dead_letters.handler)["lines"]

    assert [json.loads(json.loads(line)["value"])["offset"] for line in lines] == [1, 2]
    assert json.loads(lines[0])["metadata"]["topic"] == letters.dead


def begin(**options: object) -> tuple[str, dict[str, Any]]:
    """Begin a redrive of which nothing is published yet. Returns its task's id, and where it begins."""
    cursor = operations.part(redrive_dead_letters.handler, execute=True, **options)["next"]
    return cursor["at"]["task"], cursor


def states(letters: Letters) -> dict[str, str]:
    found = operations.run(list_dead_letters.handler, state="all")["letters"]
    assert {each["original"].partition(":")[0] for each in found} == {letters.topic}
    return {each["original"].partition(":")[2]: each["state"] for each in found}


@pytest.mark.parametrize("left", ["paused", "stopped", "failed"])
def test_the_rest_of_a_redrive_waits_again_once_it_is_cancelled(left: task_store.State, letters: Letters) -> None:
    """Nobody else takes the letters as long as the task can be resumed, and what it has redriven stays redriven."""
    letters.add((0, 1), (0, 2), (0, 3))
    task, cursor = begin(rate="1/s")
    operations.part(redrive_dead_letters.handler, cursor)
    with transaction() as connection:
        task_store.change(connection, UUID(task), left, "for the test")
    assert states(letters) == {"0:1": "redriven", "0:2": "selected", "0:3": "selected"}
    assert operations.run(redrive_dead_letters.handler)["count"] == 0

    operations.run(change_task.handler, task=task, action="cancel")

    assert states(letters) == {"0:1": "redriven", "0:2": "waiting", "0:3": "waiting"}
    assert operations.run(redrive_dead_letters.handler, execute=True, expect=2)["published"] == 2
    assert [json.loads(each.value() or b"")["offset"] for each in letters.redriven()] == [1, 2, 3]


def test_a_topic_has_one_redrive_at_a_time(letters: Letters) -> None:
    """Also of other letters. The second one selects none, so that they can be redriven later."""
    letters.add((0, 1))
    task, cursor = begin()
    letters.add((1, 2))

    answer = redrive_dead_letters.handler({"execute": True}, Context(milliseconds=operations.LONGEST))

    assert f"is kept by task {task}" in answer["error"]["message"]
    assert f"./millrace tasks cancel {task}" in answer["error"]["message"]
    assert len(operations.run(list_tasks.handler)) == 1
    assert states(letters) == {"0:1": "selected", "1:2": "waiting"}
    assert operations.finish(redrive_dead_letters.handler, cursor)["state"] == "done"
    assert operations.run(redrive_dead_letters.handler, execute=True, expect=1)["published"] == 1


@pytest.mark.parametrize("name", ["order-events-dlq", "a:b:c", ":0:1", "a:0:-1"])
def test_a_place_of_another_form_is_refused(name: str, letters: Letters) -> None:
    assert letters
    answer = show_dead_letter.handler({"letter": name}, Context())

    assert answer["error"]["fields"][0]["path"] == "letter"


def test_ten_thousand_letters_are_redriven_once_each_although_the_task_is_killed(letters: Letters) -> None:
    """SIGKILL at random counts, and between acknowledgement and checkpoint: every letter is published once, in order."""
    originals = [(number % 2, number) for number in range(10_000)]
    shuffled = random.Random(1).sample(originals, len(originals))  # noqa: S311 - no secret
    for start in range(0, len(shuffled), 500):
        letters.add(*shuffled[start : start + 500])
    begun = operations.part(redrive_dead_letters.handler, execute=True, expect=10_000, rate="4000/s")
    cursor = {"cursor": begun["next"]}
    for count in (1, 2_500, 6_000):
        process = operation_process.start("operations.redrive_dead_letters", cursor)
        reached = lambda: sum(topics.ends(letters.bootstrap, letters.topic).values()) >= count  # noqa: B023, E731 - called at once
        wait_until(reached, seconds=60, what=f"{count} letters")
        process.kill()
        process.wait()
    died = operation_process.start("operations.redrive_dead_letters", cursor, dies_in="operations.task_store.advance")
    assert died.wait() == 9

    assert operations.finish(redrive_dead_letters.handler, begun["next"])["state"] == "done"

    published = letters.redriven()
    for partition in range(2):
        offsets = [json.loads(each.value() or b"")["offset"] for each in published if each.partition() == partition]
        assert offsets == list(range(partition, 10_000, 2))
