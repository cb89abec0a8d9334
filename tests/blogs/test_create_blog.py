"""POST /api/v1/blogs."""

import json
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel.messaging import outbox
from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events, wrong_fields

POST = {"title": "My Blog", "content": "# Hello\n"}
TRICKY = "\ufeff line\r\n\r\n\ttab  \n<script>&amp;</script> e\u0301 \u00e9 \U0001f600 \u202e \x01 ' \\ %s {0}\n \n"


def test_a_post_is_published_at_once(blogs: Database, author: Person) -> None:
    """The answer is 201 with the post, its address and its tag, and readers are told in the agreed shape."""
    answer = author.create(POST)

    assert answer.status == 201, answer.body
    post = answer.body
    assert post == {
        "id": post["id"],
        "authorId": str(author.id),
        "title": "My Blog",
        "content": "# Hello\n",
        "status": "published",
        "version": 1,
        "createdAt": post["createdAt"],
        "updatedAt": post["createdAt"],
        "publishedAt": post["createdAt"],
    }
    assert UUID(post["id"]).version == 7
    assert post["createdAt"].endswith("Z")
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"blogs/{post['id']}"
    assert events(blogs) == [
        {
            "topic": "blog-events",
            "key": post["id"],
            "type": "blog-published",
            "blogId": post["id"],
            "title": "My Blog",
            "authorId": str(author.id),
        }
    ]


def test_a_draft_is_kept_and_not_told(blogs: Database, author: Person) -> None:
    """A draft has no time of publication, and nothing of it leaves the database."""
    post = author.create({**POST, "status": "draft"}).body
    assert (post["status"], post["publishedAt"]) == ("draft", None)
    assert events(blogs) == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
@example(content=TRICKY)
def test_content_is_kept_byte_for_byte(without_redis: None, blogs: Database, author: Person, content: str) -> None:
    """Whatever Markdown, white space or script is sent is what is stored and given back: nothing is trimmed, turned
    into another form or escaped."""
    answer = author.create({"title": "as it is", "content": content})
    assert answer.body["content"] == content
    [(stored,)] = blogs.rows("SELECT convert_to(content, 'UTF8') FROM blogs WHERE id = %s", UUID(answer.body["id"]))
    assert bytes(stored) == content.encode()
    assert author.get(answer.body["id"]).body["content"] == content


def test_the_longest_post_is_taken(author: Person) -> None:
    """200 characters of title and 100,000 of content, counted as characters and not as bytes."""
    answer = author.create(json.dumps({"title": "é" * 200, "content": "é" * 100_000}, ensure_ascii=False))
    assert answer.status == 201
    assert author.get(answer.body["id"]).body["content"] == "é" * 100_000


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"title", "content"}),
        ({**POST, "title": ""}, {"title"}),
        ({**POST, "title": "  \u2003 "}, {"title"}),
        ({**POST, "title": "two\nlines"}, {"title"}),
        ({**POST, "title": "line\n"}, {"title"}),
        ({**POST, "title": "x" * 201}, {"title"}),
        ({**POST, "content": ""}, {"content"}),
        ({**POST, "content": "x" * 100_001}, {"content"}),
        ({**POST, "status": "secret"}, {"status"}),
        ({**POST, "authorId": str(uuid4()), "version": 7}, {"authorId", "version"}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    blogs: Database, author: Person, body: object, wrong: set[str]
) -> None:
    """Each wrong, missing or unknown field has its own problem; an author cannot be claimed."""
    answer = author.create(body)
    assert (answer.status, wrong_fields(answer)) == (400, wrong)
    assert blogs.rows("SELECT id FROM blogs") == []
    assert events(blogs) == []


def test_a_visitor_must_sign_in(blogs: Database, visitor: Person) -> None:
    """Without a token the answer is 401, and nothing is kept."""
    answer = visitor.create(POST)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert blogs.rows("SELECT id FROM blogs") == []


def test_a_repeated_request_gets_the_first_answer(blogs: Database, author: Person) -> None:
    """With an Idempotency-Key one post and one event come of many requests, also of simultaneous ones; another body
    under the same key is refused."""
    key = str(uuid4())
    answers = at_once([lambda: author.create(POST, idempotency_key=key)] * 8)

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == len({answer.headers["ETag"] for answer in answers}) == 1
    assert len(blogs.rows("SELECT id FROM blogs")) == len(events(blogs)) == 1
    assert author.create({**POST, "title": "another"}, idempotency_key=key).status == 422


def test_a_post_and_its_event_are_kept_together_or_not_at_all(
    blogs: Database, author: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that dies between the two statements leaves neither."""

    def fail(*_: object) -> None:
        raise RuntimeError("the function dies here")

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "add_many", fail)
        assert author.create(POST).status == 500
    assert blogs.rows("SELECT id FROM blogs") == []
