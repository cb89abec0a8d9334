"""Posts go with their author's account, and whoever shows them is told."""

import json
from uuid import uuid4

from tests.blogs.conftest import FUNCTIONS
from tests.forgetting.deletions import hear_of
from tests.kit.databases import Database
from tests.kit.documents import Person

TEXT = {"title": "A title", "content": "Words."}


def told(blogs: Database) -> list[dict[str, str]]:
    """The deletions that the outbox announces."""
    values = [json.loads(value) for (value,) in blogs.rows("SELECT value FROM outbox ORDER BY id")]
    return [value for value in values if value["type"] == "blog-deleted"]


def test_deletes_every_post_and_tells_of_what_was_published(blogs: Database, author: Person, stranger: Person) -> None:
    """blog-deleted names the post and its author alone; a draft is nobody's business; heard twice, it is told once."""
    posted = author.create(TEXT).body["id"]
    author.create(TEXT | {"status": "draft"})
    kept = stranger.create(TEXT).body["id"]
    for _ in range(2):
        hear_of("blogs", author.id or uuid4(), uuid4())
        assert told(blogs) == [{"type": "blog-deleted", "blogId": posted, "title": "", "authorId": str(author.id)}]
    assert [str(row[0]) for row in blogs.rows("SELECT id FROM blogs")] == [kept]


def test_readers_see_it_at_once(blogs: Database, author: Person) -> None:
    """What the cache held is gone with the post."""
    post = author.create(TEXT).body["id"]
    reader = Person(FUNCTIONS)
    assert reader.get(post).status == 200
    hear_of("blogs", author.id or uuid4())
    assert reader.get(post).status == 404


def test_a_token_that_is_still_valid_writes_no_post(blogs: Database, author: Person) -> None:
    """401 that says why, and nothing is kept."""
    hear_of("blogs", author.id or uuid4())
    refused = author.create(TEXT)
    assert (refused.status, refused.body["detail"]) == (
        401,
        "This account was deleted. Its access tokens are no longer valid.",
    )
    assert blogs.rows("SELECT id FROM blogs UNION ALL SELECT gen_random_uuid() FROM outbox") == []
