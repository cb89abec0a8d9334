"""Users mark their own notifications as read."""

from uuid import UUID, uuid4

import pytest

from kernel.contracts.notifications import Channel
from notifications import store
from notifications.mark_notification_read import handler
from notifications.model import Notice
from tests.kit.api import call
from tests.kit.databases import Database
from tests.notifications.reading import SignIn, listed


@pytest.fixture
def ada() -> UUID:
    return uuid4()


@pytest.fixture
def unread(notifications: Database, ada: UUID) -> str:
    """The id of a notification that Ada has not read."""
    with notifications.connect("app") as connection:
        [added] = store.add_many(connection, [Notice(ada, Channel.IN_APP, "Buy milk")])
    return str(added.id)


def test_marks_it_read_once_and_shows_it_so(sign_in: SignIn, ada: UUID, unread: str) -> None:
    """The first time counts, however often it is said; the cached list shows it at once."""
    [before] = listed(sign_in(ada))
    assert before["readAt"] is None
    first, second = (call(handler, "POST", headers=sign_in(ada), path={"id": unread}) for _ in range(2))
    assert first.status == 200
    assert first.body["readAt"] is not None
    assert second.body == first.body
    assert listed(sign_in(ada)) == [first.body]


@pytest.mark.parametrize("path", ["another user's", "019aa000-0000-7000-8000-000000000000", "no-id"])
def test_finds_only_the_callers_own(sign_in: SignIn, ada: UUID, unread: str, path: str) -> None:
    """Another user's notification is as absent as one that never was, and stays unread."""
    id_ = unread if path == "another user's" else path
    assert call(handler, "POST", headers=sign_in(uuid4()), path={"id": id_}).status == 404
    assert [each["readAt"] for each in listed(sign_in(ada))] == [None]


def test_refuses_who_is_not_signed_in(sign_in: SignIn, ada: UUID, unread: str) -> None:
    """Without a token nothing is marked."""
    assert call(handler, "POST", path={"id": unread}).status == 401
    assert [each["readAt"] for each in listed(sign_in(ada))] == [None]
