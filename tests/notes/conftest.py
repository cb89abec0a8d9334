"""A notes database, and people who write."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from notes import create_note, delete_note, get_note, list_notes, update_note
from tests.kit import domains
from tests.kit.databases import Database
from tests.kit.documents import Functions, Person

FUNCTIONS = Functions(create_note, get_note, list_notes, update_note, delete_note)


notes = domains.database_fixture("notes", redis=False)


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
