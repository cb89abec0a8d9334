"""A user's own list: cached, and yet never behind what was committed."""

from collections.abc import Iterable
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest

from kernel.contracts.blogs import BlogPublished
from kernel.contracts.notifications import Channel, NotificationCreated
from notifications import list_notifications, on_blog_events, on_notification_events, own_list, store
from notifications.model import Notice
from tests.kit.api import call
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.published import delivered
from tests.notifications.reading import SignIn, listed, messages


def add(notifications: Database, user_id: object, *texts: str) -> None:
    """Notifications that nobody's cache was told of."""
    with notifications.connect("app") as connection:
        store.add_many(connection, [Notice(user_id, Channel.IN_APP, text) for text in texts])  # type: ignore[arg-type]


def test_shows_the_callers_notifications_only(notifications: Database, sign_in: SignIn) -> None:
    """Each user sees what was said to them."""
    ada, bob = uuid4(), uuid4()
    add(notifications, ada, "for Ada")
    add(notifications, bob, "for Bob")
    assert messages(sign_in(ada)) == [("in-app", "for Ada")]


def test_shows_every_notification_once_page_by_page(notifications: Database, sign_in: SignIn) -> None:
    """Following the Link headers from the cached first page on shows all, newest first."""
    ada = uuid4()
    add(notifications, ada, *(str(number) for number in range(230)))
    seen: list[str] = []
    query = {"limit": "50"}
    while query:
        answer = call(list_notifications.handler, headers=sign_in(ada), query=query)
        seen += [each["message"] for each in answer.body]
        link = answer.headers.get("Link", "<?>")
        query = {name: values[0] for name, values in parse_qs(link[2 : link.index(">")]).items()}
    assert seen == [str(number) for number in reversed(range(230))]


def test_answers_from_the_cache(notifications: Database, sign_in: SignIn) -> None:
    """A list that was read once is not read from the database again while nothing new is said."""
    ada = uuid4()
    assert listed(sign_in(ada)) == []
    add(notifications, ada, "behind the cache's back")
    assert listed(sign_in(ada)) == []


def test_shows_a_new_event_at_once(notifications: Database, sign_in: SignIn) -> None:
    """What an event adds is in the list as soon as its batch is done, although the list was cached."""
    ada = uuid4()
    assert listed(sign_in(ada)) == []
    on_blog_events.handler(delivered(BlogPublished(blog_id=uuid4(), title="My Blog", author_id=ada)), Context())
    assert len(listed(sign_in(ada))) == 1


def test_shows_a_new_event_when_the_first_function_could_not_forget(
    notifications: Database, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that died between its commit and the cache is made good by the notification's own event."""
    ada = uuid4()
    assert listed(sign_in(ada)) == []
    add(notifications, ada, "behind the cache's back")
    created = NotificationCreated(notification_id=uuid4(), user_id=ada, channel=Channel.IN_APP)
    on_notification_events.handler(delivered(created), Context())
    assert messages(sign_in(ada)) == [("in-app", "behind the cache's back")]


def test_forgets_the_cached_list_only_after_the_commit(
    notifications: Database, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads while the change is under way caches the old list, and yet sees the new one after it."""
    ada = uuid4()
    forget = own_list.forget

    def read_before_the_commit(user_ids: Iterable[UUID]) -> None:
        forget(user_ids)
        with notifications.connect("app") as other:
            cached = own_list.newest.get_or_load(ada, lambda: store.newest(other, ada, 100, after=None))
        assert cached == []

    monkeypatch.setattr(own_list, "forget", read_before_the_commit)
    on_blog_events.handler(delivered(BlogPublished(blog_id=uuid4(), title="My Blog", author_id=ada)), Context())
    assert len(listed(sign_in(ada))) == 1


def test_is_right_while_redis_is_down(
    notifications: Database, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Redis events are consumed and lists are read from the database."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    ada = uuid4()
    for title in ("one", "two"):
        on_blog_events.handler(delivered(BlogPublished(blog_id=uuid4(), title=title, author_id=ada)), Context())
    assert [text.split()[2] for _, text in messages(sign_in(ada))] == ["two", "one"]
