"""A blogs database, and people who read and write."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from blogs import create_blog, delete_blog, get_blog, list_blogs, update_blog
from tests.kit import domains
from tests.kit.databases import Database
from tests.kit.documents import Functions, Person

FUNCTIONS = Functions(create_blog, get_blog, list_blogs, update_blog, delete_blog)


blogs = domains.database_fixture("blogs")


@pytest.fixture
def somebody(blogs: Database, sign_in: Callable[..., dict[str, str]]) -> Callable[[], Person]:
    """Each call signs another user in."""

    def signed_in() -> Person:
        user_id = uuid4()
        return Person(FUNCTIONS, user_id, sign_in(user_id))

    return signed_in


@pytest.fixture
def author(somebody: Callable[[], Person]) -> Person:
    return somebody()


@pytest.fixture
def stranger(somebody: Callable[[], Person]) -> Person:
    return somebody()


@pytest.fixture
def visitor(blogs: Database, sign_in: Callable[..., dict[str, str]]) -> Person:
    """Somebody who is not signed in."""
    return Person(FUNCTIONS)


@pytest.fixture
def without_redis(blogs: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is down: nobody listens at its address."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
