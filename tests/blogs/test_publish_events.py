"""The relay of blogs; what it does when it or a server dies is proven of the kernel's."""

import pytest

from blogs import publish_events
from kernel.messaging import unpublished
from tests.kit import relays
from tests.kit.databases import Database
from tests.kit.documents import Person

POST = {"title": "My Blog", "content": "text"}
TOLD = ["blog-published", "blog-updated", "blog-deleted"]


def lives(author: Person, count: int) -> list[str]:
    """The ids of posts that were each published, changed and deleted."""
    posts: list[str] = [author.create(POST).body["id"] for _ in range(count)]
    for title in ("New", None):
        for post in posts:
            assert (author.update(post, {**POST, "title": title}) if title else author.delete(post)).status < 300
    return posts


def test_the_story_of_each_post_arrives_in_order(blogs: Database, author: Person, kafka: str) -> None:
    """Under the post's id as key, each event once, and the outbox is empty then."""
    posts = lives(author, 10)
    with relays.relaying(blogs, kafka, "blog-events"):
        assert relays.run(publish_events) == {"published": 30, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    told = relays.received(kafka, "blog-events")
    assert {post: [kind for _, kind in told[post]] for post in posts} == dict.fromkeys(posts, TOLD)


def test_a_relay_that_dies_before_it_marks_loses_nothing(
    blogs: Database, author: Person, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Kafka has acknowledged already is published again under the same ids, so that inboxes know it."""
    [post] = lives(author, 1)

    def die(*_: object) -> None:
        raise RuntimeError("killed after the acknowledgement")

    with relays.relaying(blogs, kafka, "blog-events"):
        with monkeypatch.context() as dying:
            dying.setattr(unpublished, "mark_published", die)
            with pytest.raises(RuntimeError):
                relays.run(publish_events)
        blogs.end_sessions()
        assert relays.run(publish_events)["published"] == 3
    told = relays.received(kafka, "blog-events")[post]
    assert [kind for _, kind in told] == TOLD * 2
    assert told[:3] == told[3:]
