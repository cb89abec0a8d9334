"""An ordered consumer: whatever fails, is redriven, repeated or discarded, each key is applied in its order, once."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kernel import ordered
from tests.kernel.ordered import Shop
from tests.kit.databases import Database

KEYS: list[bytes | None] = [b"a", b"a", b"b", None]
KINDS = ["good", "good", "good of no id", "poison", "poison of no id", "busy", "junk"]
CHOICE = st.integers(0, 30)
STEPS = st.one_of(
    st.tuples(st.just("produce"), st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KINDS)), max_size=6)),
    st.tuples(st.just("redrive"), st.lists(CHOICE, min_size=1, max_size=5)),
    st.tuples(st.just("redrive"), st.lists(CHOICE, min_size=1, max_size=5)),
    st.tuples(st.just("deliver"), st.integers(1, 8)),
    st.tuples(st.just("repeat"), st.integers(1, 8)),
    st.tuples(st.just("heal"), CHOICE),
    st.tuples(st.just("discard"), CHOICE),
)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUMER_GROUP", ordered.GROUP)
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-dlq")
    monkeypatch.setenv("BREAKER_THRESHOLD", "1000000")


@pytest.fixture
def shop(activity: Database) -> Iterator[Shop]:
    with ordered.opened(activity) as opened:
        yield opened


class History:
    """What happens to one topic, step by step."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.junk: set[int] = set()
        self.discarded: set[int] = set()

    def produce(self, several: list[tuple[bytes | None, str]]) -> None:
        for key, kind in several:
            number = self.shop.produce(key, poison="poison" in kind, junk=kind == "junk", has_id="no id" not in kind)
            if kind == "busy":
                self.shop.busy.add(number)
            if kind == "junk":
                self.junk.add(number)

    def deliver(self, most: int) -> None:
        self.shop.deliver(most)

    def repeat(self, back: int) -> None:
        """Deliver records again: the commit of their offsets was lost."""
        self.shop.delivered = max(0, self.shop.delivered - back)

    def redrive(self, choices: list[int]) -> None:
        """Redrive any letters in any order, also old ones and those that were redriven."""
        letters = self.shop.letters()
        for choice in choices if letters else []:
            self.shop.redrive(letters[choice % len(letters)])
        self.shop.deliver()

    def heal(self, choice: int) -> None:
        if self.shop.poison:
            self.shop.poison.remove(sorted(self.shop.poison)[choice % len(self.shop.poison)])

    def discard(self, choice: int) -> None:
        """Discard any record that waits, also one behind the head."""
        waiting = [(key, number) for key in (b"a", b"b") for number in self.shop.parked(key)]
        if waiting:
            key, number = waiting[choice % len(waiting)]
            self.shop.discard(key, number)
            self.discarded.add(number)

    def end(self) -> None:
        """Heal everything, and redrive until nothing waits. What can never be read is discarded."""
        self.shop.poison.clear()
        self.shop.deliver_all()
        for key in (b"a", b"b"):
            for _ in range(len(self.shop.log)):
                waiting = self.shop.parked(key)
                if not waiting:
                    break
                if waiting[0] in self.junk:
                    self.shop.discard(key, waiting[0])
                else:
                    self.shop.redrive_number(waiting[0])
                    self.shop.deliver_all()
        for letter in self.shop.letters():
            if letter.key is None:
                self.shop.redrive(letter)
        self.shop.deliver_all()


@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=30))
def test_each_key_is_applied_in_its_order_and_once(
    steps: list[tuple[Any, ...]], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """In any history of poison, redrives, repeated deliveries and discards. In the end nothing is lost."""
    shop.owner.execute(
        "DELETE FROM applied; DELETE FROM inbox; DELETE FROM outbox; DELETE FROM parked_records; DELETE FROM breakers"
    )
    history = History(Shop(shop.owner))
    for name, *arguments in steps:
        getattr(history, name)(*arguments)
        if name in ("deliver", "redrive"):
            assert all(is_in_order(history.shop, key) for key in KEYS)
    history.end()

    assert all(is_in_order(history.shop, key) for key in KEYS)
    for key, produced in history.shop.produced.items():
        assert set(history.shop.applied(key)) == set(produced) - history.junk - history.discarded
    assert [key for key in (b"a", b"b") if history.shop.parked(key)] == []
    capsys.readouterr()


def is_in_order(shop: Shop, key: bytes | None) -> bool:
    """Whether what was applied of the key was applied once, and in its order. Records without a key have none."""
    applied = shop.applied(key)
    if key is None:
        return len(applied) == len(set(applied))
    return applied == sorted(set(applied))
