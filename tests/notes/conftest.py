"""A notes database, and people who write."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from kernel.storage import database
from notes import create_note, delete_note, get_note, list_notes, update_note
from tests.kit import databases
from tests.kit.databases import Database
from tests.kit.documents import Functions, Person

FUNCTIONS = Functions(create_note, get_note, list_notes, update_note, delete_note)


@pytest.fixture(scope="session")
def notes_template(postgres: str) -> Database:
    return databases.migrated(postgres, "notes")


@pytest.fixture
def notes(notes_template: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty notes database, which the functions use in the role of the application, without Redis."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with databases.copied(notes_template) as copy:
        monkeypatch.setenv("DATABASE_URL_NOTES", copy.url("app"))
        yield copy
        database.reset()


@pytest.fixture
def somebody(notes: Database, sign_in: Callable[..., dict[str, str]]) -> Callable[[], Person]:
    """Each call signs another user in."""

    def signed_in() -> Person:
        user_id = uuid4()
        return Person(FUNCTIONS, user_id, sign_in(user_id))

    return signed_in


@pytest.fixture
def owner(somebody: Callable[[], Person]) -> Person:
    return somebody()


@pytest.fixture
def stranger(somebody: Callable[[], Person]) -> Person:
    return somebody()


@pytest.fixture
def visitor(notes: Database, sign_in: Callable[..., dict[str, str]]) -> Person:
    """Somebody who is not signed in."""
    return Person(FUNCTIONS)
