"""A blogs database, and people who read and write."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from blogs import create_blog, delete_blog, get_blog, list_blogs, update_blog
from kernel.storage import database, redis_server
from tests.kit import databases
from tests.kit.databases import Database
from tests.kit.documents import Functions, Person

FUNCTIONS = Functions(create_blog, get_blog, list_blogs, update_blog, delete_blog)


@pytest.fixture(scope="session")
def blogs_template(postgres: str) -> Database:
    return databases.migrated(postgres, "blogs")


@pytest.fixture
def blogs(blogs_template: Database, redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty blogs database, which the functions use in the role of the application, beside a real Redis."""
    # On a busy machine a slow Redis must not pass for one that is down.
    monkeypatch.setattr(redis_server, "TIMEOUT_SECONDS", 5)
    redis_server.reset()
    with databases.copied(blogs_template) as copy:
        monkeypatch.setenv("DATABASE_URL_BLOGS", copy.url("app"))
        monkeypatch.setenv("REDIS_URL", redis)
        yield copy
        database.reset()


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
