"""The cache: faster while Redis is up, slower while it is not, and never an old value after a change."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest
from redis import Redis

from kernel.storage import cache
from kernel.storage.cache import Cache
from tests.kit.servers import wait_until


class Document(msgspec.Struct, frozen=True):
    id: UUID
    title: str
    written_at: datetime


class Shelf:
    """Loads documents, and counts how often."""

    def __init__(self) -> None:
        self.loads = 0
        self.document: Document | None = Document(uuid4(), "first", datetime.now(UTC))

    def load(self) -> Document | None:
        self.loads += 1
        return self.document


@pytest.fixture
def server(patient_redis: str) -> Iterator[Redis]:
    with Redis.from_url(patient_redis) as client:
        yield client


@pytest.fixture
def shelf(server: Redis) -> Shelf:
    return Shelf()


@pytest.fixture
def documents(server: Redis) -> Cache[Document]:
    return Cache(f"documents-{uuid4()}", Document, seconds=60)


def test_a_value_is_loaded_once(shelf: Shelf, documents: Cache[Document]) -> None:
    """What the second caller gets equals what was loaded, in value and type."""
    assert [documents.get_or_load(1, shelf.load) for _ in range(3)] == [shelf.document] * 3
    assert shelf.loads == 1


def test_keys_do_not_mix(documents: Cache[Document]) -> None:
    """Each key has its own value."""
    one, other = Shelf(), Shelf()
    assert documents.get_or_load(1, one.load) == one.document
    assert documents.get_or_load(2, other.load) == other.document
    assert documents.get_or_load(1, other.load) == one.document


def test_an_invalidated_value_is_loaded_again(shelf: Shelf, documents: Cache[Document]) -> None:
    """And only that one."""
    documents.get_or_load(1, shelf.load)
    documents.get_or_load(2, shelf.load)
    documents.invalidate(1)
    documents.get_or_load(1, shelf.load)
    documents.get_or_load(2, shelf.load)
    assert shelf.loads == 3


def test_values_end_and_not_all_at_once(server: Redis) -> None:
    """Each lives a little less than the given time, by a random part."""
    brief = Cache(f"brief-{uuid4()}", int, seconds=100)
    for key in range(50):
        brief.get_or_load(key, lambda: 1)
    lives = [server.pttl(f"cache:{{{brief.name}:{key}}}") for key in range(50)]
    assert all(isinstance(life, int) and 85_000 < life <= 100_000 for life in lives)
    assert len(set(lives)) > 25


def test_many_callers_at_once_load_once(
    shelf: Shelf, documents: Cache[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait for the one that loads, and get what it found."""
    monkeypatch.setattr(cache, "PATIENCE_SECONDS", 10)

    def slowly() -> Document | None:
        time.sleep(0.05)
        return shelf.load()

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: documents.get_or_load(1, slowly), range(12)))
    assert found == [shelf.document] * 12
    assert shelf.loads == 1


def test_nobody_waits_long_for_a_caller_that_died(
    shelf: Shelf, documents: Cache[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a dead caller's lease lasts, others load for themselves; afterwards the value is cached again."""
    monkeypatch.setattr(cache, "LEASE_MILLISECONDS", 600)
    assert documents._get_or_lease(1, "of the dead") == 1
    assert documents.get_or_load(1, shelf.load) == shelf.document
    assert documents.get_or_load(1, shelf.load) == shelf.document
    assert shelf.loads == 2
    wait_until(lambda: documents._get_or_lease(1, "of the next") == 1)


def test_a_load_that_fails_gives_the_lease_back(shelf: Shelf, documents: Cache[Document]) -> None:
    """Its error passes, and the next caller loads and stores at once."""

    def fail() -> Document:
        raise LookupError

    with pytest.raises(LookupError):
        documents.get_or_load(1, fail)
    documents.get_or_load(1, shelf.load)
    documents.get_or_load(1, shelf.load)
    assert shelf.loads == 1


def test_what_was_read_before_a_change_is_not_stored_after_it(documents: Cache[Document]) -> None:
    """A reader that loaded the old value while the change was made keeps it to itself."""
    shelf = Shelf()
    old = shelf.document
    new = Document(uuid4(), "second", datetime.now(UTC))

    def change_while_loading() -> Document | None:
        found = shelf.load()
        with documents.changing(1):
            shelf.document = new
        return found

    assert documents.get_or_load(1, change_while_loading) == old
    assert documents.get_or_load(1, shelf.load) == new


def test_nothing_is_stored_while_a_change_is_under_way(shelf: Shelf, documents: Cache[Document]) -> None:
    """A reader in the middle of a change loads for itself, so that what it stores cannot outlive the change."""
    documents.get_or_load(1, shelf.load)
    with documents.changing(1):
        documents.get_or_load(1, shelf.load)
        shelf.document = Document(uuid4(), "second", datetime.now(UTC))
    assert documents.get_or_load(1, shelf.load) == shelf.document


def test_a_death_between_commit_and_invalidation_leaves_no_old_value(shelf: Shelf, documents: Cache[Document]) -> None:
    """The old value went before the change began."""
    documents.get_or_load(1, shelf.load)
    changing = documents.changing(1)
    changing.__enter__()
    shelf.document = Document(uuid4(), "second", datetime.now(UTC))
    assert documents.get_or_load(1, shelf.load) == shelf.document


def test_a_change_that_failed_is_forgotten_as_well(shelf: Shelf, documents: Cache[Document]) -> None:
    """Nobody knows of a lost commit whether it took place."""
    documents.get_or_load(1, shelf.load)
    with pytest.raises(LookupError), documents.changing(1):
        raise LookupError
    documents.get_or_load(1, shelf.load)
    assert shelf.loads == 2


def test_invalidations_wait_for_the_transaction_around(shelf: Shelf, documents: Cache[Document]) -> None:
    """Within `postponed` the value stays until the block has ended, also by an error."""
    documents.get_or_load(1, shelf.load)
    with contextlib.suppress(LookupError), cache.postponed():
        documents.invalidate(1)
        documents.get_or_load(1, shelf.load)
        assert shelf.loads == 1
        raise LookupError
    documents.get_or_load(1, shelf.load)
    assert shelf.loads == 2


@pytest.mark.parametrize(("remember", "loads"), [(False, 3), (True, 1)])
def test_what_is_absent_is_remembered_only_if_asked(server: Redis, loads: int, *, remember: bool) -> None:
    """Usually each caller looks again for what was not there."""
    shelf = Shelf()
    shelf.document = None
    absent = Cache(f"absent-{uuid4()}", Document, seconds=60, remember_absent=remember)
    assert [absent.get_or_load(1, shelf.load) for _ in range(3)] == [None] * 3
    assert shelf.loads == loads


def test_what_another_version_wrote_is_loaded_again(shelf: Shelf, documents: Cache[Document], server: Redis) -> None:
    """A value that is not of the type is no error, and is replaced."""
    server.set(f"cache:{{{documents.name}:1}}", b'{"id": 5}')
    for _ in range(3):
        assert documents.get_or_load(1, shelf.load) == shelf.document
    assert shelf.loads == 2


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1"])
def test_without_redis_everything_is_loaded(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """No error, no old value: each caller loads, and changes go through."""
    monkeypatch.setenv("REDIS_URL", url)
    shelf, documents = Shelf(), Cache("documents", Document, seconds=60)
    for _ in range(3):
        assert documents.get_or_load(1, shelf.load) == shelf.document
        with documents.changing(1):
            shelf.document = Document(uuid4(), "changed", datetime.now(UTC))
    assert shelf.loads == 3


def test_a_stampede_while_redis_dies_is_answered(
    shelf: Shelf, documents: Cache[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers that Redis leaves in the middle load for themselves."""
    entered = threading.Event()

    def slowly() -> Document | None:
        entered.set()
        return shelf.load()

    def read(load: Callable[[], Document | None]) -> Document | None:
        return documents.get_or_load(1, load)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, slowly) for _ in range(4)]
        assert entered.wait(5)
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
        assert [reader.result() for reader in readers] == [shelf.document] * 4
    assert read(shelf.load) == shelf.document
