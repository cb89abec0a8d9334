"""GET /api/v1/blogs."""

from uuid import uuid4

import pytest

from tests.kit.databases import Database
from tests.kit.documents import Person, wrong_fields

POST = {"title": "My Blog", "content": "text"}
DRAFT = {**POST, "status": "draft"}


def test_lists_what_is_published_newest_first(author: Person, stranger: Person, visitor: Person) -> None:
    """Everybody sees the same list, without anybody's drafts, with the beginning of each post instead of all of it."""
    first = author.create({**POST, "content": "long " * 100}).body
    author.create(DRAFT)
    second = stranger.create(POST).body

    for reader in (author, stranger, visitor):
        found = reader.list().body
        assert [post["id"] for post in found] == [second["id"], first["id"]]
        assert found[1] == {
            **{name: value for name, value in first.items() if name not in ("content", "version")},
            "excerpt": ("long " * 60),
        }


def test_a_draft_takes_its_place_when_it_is_published(author: Person, visitor: Person) -> None:
    """It is news on the day it is published, not on the day it was begun."""
    draft = author.create(DRAFT).body["id"]
    post = author.create(POST).body["id"]
    author.update(draft, {**POST, "status": "published"})
    assert [each["id"] for each in visitor.list().body] == [draft, post]


def test_drafts_are_listed_for_their_author_alone(author: Person, stranger: Person, visitor: Person) -> None:
    """`?status=draft` is the caller's own drafts; a visitor must sign in, and another's are refused."""
    draft = author.create(DRAFT).body["id"]
    author.create(POST)
    assert [post["id"] for post in author.list(status="draft").body] == [draft]
    assert [post["id"] for post in author.list(status="draft", authorId=author.id).body] == [draft]
    assert stranger.list(status="draft").body == []
    assert stranger.list(status="draft", authorId=author.id).status == 403
    assert visitor.list(status="draft").status == 401


def test_lists_one_author(author: Person, stranger: Person, visitor: Person) -> None:
    """`?authorId=` gives what that author has published."""
    post = author.create(POST).body["id"]
    author.create(DRAFT)
    stranger.create(POST)
    assert [each["id"] for each in visitor.list(authorId=author.id).body] == [post]
    assert visitor.list(authorId=uuid4()).body == []


@pytest.mark.parametrize("limit", [1, 7, 10, 100])
def test_following_the_links_shows_every_post_once(
    without_redis: None, blogs: Database, visitor: Person, limit: int
) -> None:
    """Whatever the pages' size, also where many posts are of the same moment, none is left out or shown twice."""
    with blogs.connect() as connection:
        connection.execute(
            """
            INSERT INTO blogs (id, author_id, title, content, status, published_at)
            SELECT gen_random_uuid(), gen_random_uuid(), 'title', 'text', 'published', now() - interval '1 s' * (n / 9)
            FROM generate_series(1, 30) AS n
            """
        )
    pages = list(visitor.pages(limit=limit))
    assert all(len(page) == limit for page in pages[:-1])
    found = [(post["publishedAt"], post["id"]) for page in pages for post in page]
    assert found == sorted(found, reverse=True)
    assert {post for _, post in found} == {str(post) for (post,) in blogs.rows("SELECT id FROM blogs")}
    assert len(found) == 30


def test_what_is_published_meanwhile_disturbs_no_page(author: Person, visitor: Person) -> None:
    """New posts and deleted ones between two pages neither repeat nor hide any other."""
    posts = [author.create(POST).body["id"] for _ in range(6)]
    pages = iter(visitor.pages(limit=2))
    seen = [post["id"] for post in next(pages)]
    author.create(POST)
    author.delete(posts[3])
    seen += [post["id"] for page in pages for post in page]
    assert seen == [posts[index] for index in (5, 4, 2, 1, 0)]


def test_the_next_page_keeps_the_filter(author: Person, stranger: Person) -> None:
    """A link leads on within the same list: the caller's drafts, or one author's posts."""
    drafts = {author.create(DRAFT).body["id"] for _ in range(3)}
    posts = {author.create(POST).body["id"] for _ in range(3)}
    for _ in range(3):
        stranger.create(POST)
        stranger.create(DRAFT)
    assert {post["id"] for page in author.pages(limit=2, status="draft") for post in page} == drafts
    assert {post["id"] for page in stranger.pages(limit=2, authorId=author.id) for post in page} == posts


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": 0}, "query.limit"),
        ({"limit": 101}, "query.limit"),
        ({"cursor": "nonsense"}, "query.cursor"),
        ({"status": "deleted"}, "query.status"),
        ({"authorId": "me"}, "query.authorId"),
        ({"status": "\0"}, "query.status"),
    ],
)
def test_a_wrong_query_is_named(visitor: Person, query: dict[str, object], wrong: str) -> None:
    """Each is answered with 400 and the parameter's name."""
    answer = visitor.list(**query)
    assert (answer.status, wrong_fields(answer)) == (400, {wrong})
