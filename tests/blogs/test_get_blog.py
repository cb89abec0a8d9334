"""GET /api/v1/blogs/{id}, and the cache behind it."""

from uuid import UUID, uuid4

import pytest

import kernel.storage.cache
from blogs import store
from blogs.model import Blog
from kernel.storage.database import Connection
from tests.kit.documents import Person, at_once

POST = {"title": "My Blog", "content": "text"}
DRAFT = {**POST, "status": "draft"}


def test_everybody_reads_what_is_published(author: Person, stranger: Person, visitor: Person) -> None:
    """A published post is the same for its author, another user and a visitor without a token."""
    created = author.create(POST)
    for reader in (author, stranger, visitor):
        answer = reader.get(created.body["id"])
        assert (answer.status, answer.body, answer.headers["ETag"]) == (200, created.body, created.headers["ETag"])


def test_a_draft_exists_for_its_author_alone(author: Person, stranger: Person, visitor: Person) -> None:
    """For others it is as absent as one that never was, also when the author's reading has just cached it."""
    draft = author.create(DRAFT).body["id"]
    assert author.get(draft).body["id"] == draft
    absent = {key: value for key, value in stranger.get(uuid4()).body.items() if key != "requestId"}
    for reader in (stranger, visitor):
        answer = reader.get(draft)
        assert answer.status == 404
        assert {key: value for key, value in answer.body.items() if key != "requestId"} == absent


@pytest.mark.parametrize("path_id", ["1", "my-blog", "%00", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_post_is_not_found(visitor: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404."""
    assert visitor.get(path_id).status == 404


def test_a_token_that_does_not_hold_is_refused(author: Person, visitor: Person) -> None:
    """Who sends a token means to be somebody: 401, not the visitor's view."""
    post = author.create(POST).body["id"]
    assert visitor.get(post, authorization="Bearer nonsense").status == 401


def test_a_reader_who_has_the_version_gets_no_body(author: Person, visitor: Person) -> None:
    """If-None-Match with the present tag is answered with 304, with an old one with the post."""
    post = author.create(POST)
    answer = visitor.get(post.body["id"], if_none_match=post.headers["ETag"])
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, None, post.headers["ETag"])
    author.update(post.body["id"], {**POST, "title": "new"})
    assert visitor.get(post.body["id"], if_none_match=post.headers["ETag"]).body["title"] == "new"


def test_a_post_is_read_from_the_database_once(
    author: Person, visitor: Person, loads: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reader is served by Redis, and so is a crowd that asks for another post at the same moment."""
    monkeypatch.setattr(kernel.storage.cache, "PATIENCE_SECONDS", 10)
    first, second = (author.create(POST).body["id"] for _ in range(2))
    for _ in range(3):
        assert visitor.get(first).status == 200
    assert loads == [UUID(first)]

    answers = at_once([lambda: visitor.get(second)] * 8)
    assert [answer.status for answer in answers] == [200] * 8
    assert loads == [UUID(first), UUID(second)]


def test_an_absent_post_is_looked_for_each_time(author: Person, visitor: Person, loads: list[UUID]) -> None:
    """That there is no such post is not remembered: what is not there costs Redis no room."""
    nowhere = uuid4()
    assert [visitor.get(nowhere).status for _ in range(2)] == [404, 404]
    assert loads == [nowhere, nowhere]


def test_a_change_is_visible_to_the_next_reader(author: Person, visitor: Person) -> None:
    """After an update and after a deletion nobody is served what the cache held before."""
    post = author.create(POST).body["id"]
    assert visitor.get(post).body["title"] == "My Blog"
    author.update(post, {**POST, "title": "new"})
    assert visitor.get(post).body["title"] == "new"
    author.delete(post)
    assert visitor.get(post).status == 404


def test_a_refused_change_leaves_the_post_as_it_is(author: Person, stranger: Person, visitor: Person) -> None:
    """What others try to do shows neither in the database nor in the cache."""
    post = author.create(POST).body["id"]
    visitor.get(post)
    assert stranger.update(post, {**POST, "title": "mine"}).status == 403
    assert visitor.get(post).body["title"] == "My Blog"


def test_a_slow_reader_does_not_bring_back_the_old_version(
    author: Person, visitor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that loaded the post before a change was committed cannot cache it after the change's invalidation."""
    post = author.create(POST).body["id"]
    load = store.get

    def load_and_be_overtaken(connection: Connection, blog_id: UUID) -> Blog | None:
        found = load(connection, blog_id)
        [updated] = at_once([lambda: author.update(post, {**POST, "title": "new"})])
        assert updated.status == 200
        return found

    with monkeypatch.context() as slow:
        slow.setattr(store, "get", load_and_be_overtaken)
        assert visitor.get(post).body["title"] == "My Blog"
    assert visitor.get(post).body["title"] == "new"


def test_everything_works_without_redis(without_redis: None, author: Person, stranger: Person, visitor: Person) -> None:
    """While Redis is down every answer is the same, from the database, and the latest."""
    post = author.create(POST).body["id"]
    for title in ("one", "two"):
        assert author.update(post, {**POST, "title": title}).status == 200
        assert visitor.get(post).body["title"] == title
    draft = author.create(DRAFT).body["id"]
    assert (author.get(draft).status, stranger.get(draft).status) == (200, 404)
    assert author.delete(post).status == 204
    assert visitor.get(post).status == 404


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The posts that were read from the database, in order."""
    found: list[UUID] = []
    load = store.get

    def counted(connection: Connection, blog_id: UUID) -> Blog | None:
        found.append(blog_id)
        return load(connection, blog_id)

    monkeypatch.setattr(store, "get", counted)
    return found
