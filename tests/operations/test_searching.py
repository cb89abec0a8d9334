"""Searching partitions together: order, completeness, and going on in the middle. No server."""

import random
from collections.abc import Iterator

import pytest

from kernel.messaging.log_record import LogRecord
from operations import searching
from operations.searching import Search


class Memory:
    """Topics as they are after compaction: some offsets have no record."""

    def __init__(self, seed: int) -> None:
        chosen = random.Random(seed)  # noqa: S311 - a seed for a test
        self.records = {
            (topic, number): [
                LogRecord(topic, number, offset, offset * 10 + chosen.randrange(-30, 30), None, b"", [])
                for offset in range(chosen.randrange(200))
                if chosen.random() < 0.7
            ]
            for topic in ("a", "b/c")
            for number in range(3)
        }

    def topics(self) -> list[str]:
        return sorted({topic for topic, _ in self.records})

    def ranges(self, topic: str) -> dict[int, range]:
        return {number: range(200) for name, number in self.records if name == topic}

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        return (each for each in self.records[topic, partition] if start <= each.offset < end)

    def everything(self) -> dict[tuple[str, int], range]:
        return {(topic, number): offsets for topic in self.topics() for number, offsets in self.ranges(topic).items()}


def size(left: searching.Left) -> int:
    return sum(end - start for start, end in left.values())


def is_chosen(record: LogRecord) -> bool:
    return record.offset % 3 != 0


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "CHUNK", 20)


@pytest.mark.parametrize("newest", [False, True], ids=["oldest", "newest"])
@pytest.mark.parametrize("seed", range(20))
def test_a_search_that_is_interrupted_anywhere_finds_each_record_once(seed: int, *, newest: bool) -> None:
    """In the order of its partition, however often it goes on from its rest, and whatever part of it was taken."""
    log, chosen = Memory(seed), random.Random(seed)  # noqa: S311 - a seed for a test
    left = {f"{topic}/{number}": [each.start, each.stop] for (topic, number), each in log.everything().items()}
    found: list[LogRecord] = []
    while left:
        search = Search(log, searching.places(left), is_chosen, newest=newest)
        before = size(left)
        while left and size(left) == before:
            search.read()
            for record in search.found():
                found.append(record)
                if chosen.random() < 0.1:
                    break
            left = search.rest()

    for place, records in log.records.items():
        expected = [each for each in records if is_chosen(each)]
        assert [each for each in found if each[:2] == place] == (expected[::-1] if newest else expected)


@pytest.mark.parametrize("newest", [False, True], ids=["oldest", "newest"])
def test_partitions_are_merged_by_time(*, newest: bool) -> None:
    """Nothing comes before a record of another partition that is due earlier."""
    log = Memory(1)
    log.records = {
        place: [each._replace(timestamp=each.offset) for each in records] for place, records in log.records.items()
    }
    search, found = Search(log, log.everything(), is_chosen, newest=newest), list[LogRecord]()
    while not search.is_over():
        search.read()
        found += search.found()

    times = [each.timestamp for each in found]
    assert times == sorted(times, reverse=newest)
    assert len(found) == sum(map(is_chosen, (each for records in log.records.values() for each in records)))
