"""PUT /api/v1/blogs/{id}."""

from uuid import uuid4

import pytest

from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events, wrong_fields

POST = {"title": "My Blog", "content": "text"}
DRAFT = {**POST, "status": "draft"}
NEW = {"title": "New", "content": "other text"}


def test_gives_a_post_its_new_text(blogs: Database, author: Person) -> None:
    """The next version has the new text and tag and its old dates, and readers are told in the agreed shape."""
    post = author.create(POST).body
    answer = author.update(post["id"], NEW)

    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert answer.body == {**post, **NEW, "version": 2, "updatedAt": answer.body["updatedAt"]}
    assert answer.body["updatedAt"] > post["updatedAt"]
    assert events(blogs)[1:] == [
        {
            "topic": "blog-events",
            "key": post["id"],
            "type": "blog-updated",
            "blogId": post["id"],
            "title": "New",
            "authorId": str(author.id),
        }
    ]


def test_a_draft_is_told_when_it_is_published(blogs: Database, author: Person) -> None:
    """Changes of a draft are nobody's business; its publication is `blog-published`, the change after `blog-updated`."""
    draft = author.create(DRAFT).body["id"]
    assert author.update(draft, NEW).body["status"] == "draft"
    assert events(blogs) == []
    published = author.update(draft, {**NEW, "status": "published"}).body
    assert published["publishedAt"] == published["updatedAt"]
    author.update(draft, POST)
    assert [(event["type"], event["title"]) for event in events(blogs)] == [
        ("blog-published", "New"),
        ("blog-updated", "My Blog"),
    ]


def test_what_is_the_same_is_no_change(blogs: Database, author: Person) -> None:
    """The same request twice makes one version and one event."""
    post = author.create(POST).body["id"]
    first, second = (author.update(post, NEW) for _ in range(2))
    assert (first.body, first.headers["ETag"]) == (second.body, second.headers["ETag"])
    assert [event["type"] for event in events(blogs)] == ["blog-published", "blog-updated"]


def test_a_published_post_stays_published(blogs: Database, author: Person) -> None:
    """To make it a draft again is refused with 409, and changes nothing."""
    post = author.create(POST).body
    assert author.update(post["id"], {**NEW, "status": "draft"}).status == 409
    assert author.get(post["id"]).body == post
    assert len(events(blogs)) == 1


@pytest.mark.parametrize(("body", "status_for_stranger"), [(POST, 403), (DRAFT, 404)])
def test_only_its_author_changes_a_post(
    author: Person, stranger: Person, visitor: Person, body: object, status_for_stranger: int
) -> None:
    """Others get 403 for what they may read and 404 for what they may not, visitors 401; nothing is changed."""
    post = author.create(body).body
    assert stranger.update(post["id"], NEW).status == status_for_stranger
    assert stranger.update(post["id"], NEW, if_match='"7"').status == status_for_stranger
    assert visitor.update(post["id"], NEW).status == 401
    assert author.get(post["id"]).body == post
    assert author.update(post["id"], NEW).status == 200


@pytest.mark.parametrize("path_id", ["1", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_post_is_not_found(author: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404: PUT creates nothing."""
    assert author.update(path_id, NEW).status == 404


def test_wrong_fields_are_named(author: Person) -> None:
    """A replacement is checked as a new post is; the author and the version cannot be set."""
    post = author.create(POST).body["id"]
    answer = author.update(post, {"title": " ", "authorId": str(uuid4()), "version": 9})
    assert (answer.status, wrong_fields(answer)) == (400, {"title", "content", "authorId", "version"})


def test_a_change_of_an_old_version_is_refused(blogs: Database, author: Person) -> None:
    """If-Match with the tag of a version that is no more: 412, and the later change stays."""
    post = author.create(POST)
    assert author.update(post.body["id"], NEW, if_match=post.headers["ETag"]).status == 200
    refused = author.update(post.body["id"], {**NEW, "title": "late"}, if_match=post.headers["ETag"])
    assert refused.status == 412
    assert author.get(post.body["id"]).body["title"] == "New"
    assert author.update(post.body["id"], POST, if_match="*").status == 200
    assert len(events(blogs)) == 3


def test_of_simultaneous_changes_of_one_version_one_wins(without_redis: None, blogs: Database, author: Person) -> None:
    """Ten editors that have read the same version: one is told 200 and its text stays, nine are told 412."""
    post = author.create(POST)
    answers = at_once(
        [
            lambda n=n: author.update(post.body["id"], {**NEW, "title": f"editor {n}"}, if_match=post.headers["ETag"])  # type: ignore[misc]  # mypy cannot infer a lambda's default
            for n in range(10)
        ]
    )
    [winner] = [answer for answer in answers if answer.status == 200]
    assert [answer.status for answer in answers if answer is not winner] == [412] * 9
    assert author.get(post.body["id"]).body == winner.body
    assert [event["title"] for event in events(blogs)] == ["My Blog", winner.body["title"]]


def test_simultaneous_changes_are_told_in_their_order(without_redis: None, blogs: Database, author: Person) -> None:
    """Without If-Match all succeed, each as a version of its own, and the last event tells what stays."""
    post = author.create(POST).body["id"]
    answers = at_once(
        [
            lambda n=n: author.update(post, {**NEW, "title": f"editor {n}"})  # type: ignore[misc]  # mypy cannot infer a lambda's default
            for n in range(10)
        ]
    )
    by_version = sorted((answer.body["version"], answer.body["title"]) for answer in answers)
    assert [version for version, _ in by_version] == list(range(2, 12))
    assert [event["title"] for event in events(blogs)[1:]] == [title for _, title in by_version]
    assert author.get(post).body["title"] == by_version[-1][1]
