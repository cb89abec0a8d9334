"""DELETE /api/v1/blogs/{id}."""

import pytest

from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events

POST = {"title": "My Blog", "content": "text"}
DRAFT = {**POST, "status": "draft"}


def test_a_deleted_post_is_gone(blogs: Database, author: Person, visitor: Person) -> None:
    """The answer is 204 without a body, the post is in no list, and readers are told in the agreed shape."""
    post = author.create(POST).body["id"]
    answer = author.delete(post)

    assert (answer.status, answer.body) == (204, None)
    assert visitor.get(post).status == author.delete(post).status == 404
    assert visitor.list().body == []
    assert events(blogs)[1:] == [
        {
            "topic": "blog-events",
            "key": post,
            "type": "blog-deleted",
            "blogId": post,
            "title": "My Blog",
            "authorId": str(author.id),
        }
    ]


def test_a_deleted_draft_is_not_told(blogs: Database, author: Person) -> None:
    """Nobody knew of it."""
    draft = author.create(DRAFT).body["id"]
    assert author.delete(draft).status == 204
    assert author.list(status="draft").body == events(blogs) == []


@pytest.mark.parametrize(("body", "status_for_stranger"), [(POST, 403), (DRAFT, 404)])
def test_only_its_author_deletes_a_post(
    author: Person, stranger: Person, visitor: Person, body: object, status_for_stranger: int
) -> None:
    """Others get 403 for what they may read and 404 for what they may not, visitors 401; it stays."""
    post = author.create(body).body
    assert stranger.delete(post["id"]).status == status_for_stranger
    assert visitor.delete(post["id"]).status == 401
    assert author.get(post["id"]).body == post


@pytest.mark.parametrize("path_id", ["1", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_post_is_not_found(author: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404."""
    assert author.delete(path_id).status == 404


def test_what_was_changed_meanwhile_is_not_deleted(author: Person) -> None:
    """If-Match with an old tag: 412, and the post stays; with the present one it goes."""
    post = author.create(POST)
    changed = author.update(post.body["id"], {**POST, "title": "New"})
    assert author.delete(post.body["id"], if_match=post.headers["ETag"]).status == 412
    assert author.delete(post.body["id"], if_match=changed.headers["ETag"]).status == 204


def test_a_post_is_deleted_once(without_redis: None, blogs: Database, author: Person) -> None:
    """Of simultaneous deletions one finds the post; readers are told once."""
    post = author.create(POST).body["id"]
    answers = at_once([lambda: author.delete(post)] * 8)
    assert sorted(answer.status for answer in answers) == [204] + [404] * 7
    assert [event["type"] for event in events(blogs)] == ["blog-published", "blog-deleted"]
