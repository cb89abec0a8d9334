"""E-mails really leave through SES: once each, and none waits for another that fails."""

from uuid import uuid4

import pytest

from kernel.contracts.notifications import Channel, NotificationCreated
from notifications import store
from notifications.model import Address, Notice
from notifications.on_notification_events import handler
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.published import delivered
from tests.kit.ses import DOWN, REFUSED, SENDER, THROTTLED, Failure, Ses

DONE: dict[str, list[object]] = {"batchItemFailures": []}


def created(
    notifications: Database, address: str | None = None, channel: Channel = Channel.EMAIL
) -> NotificationCreated:
    """The event of a new notification of a new user, who can be written to at *address*."""
    user_id = uuid4()
    with notifications.connect("app") as connection:
        [added] = store.add_many(connection, [Notice(user_id, channel, f"Hello, {address}!")])
        if address:
            store.keep_addresses(connection, {user_id: Address(address)})
    return NotificationCreated(notification_id=added.id, user_id=user_id, channel=channel)


def an_address() -> str:
    return f"{uuid4().hex}@example.com"


def state(notifications: Database, event: NotificationCreated) -> tuple[int, bool, bool, str | None]:
    """The e-mail's attempts, whether it waits, whether it was sent, and its last error."""
    [found] = notifications.rows(
        "SELECT attempts, due_at IS NOT NULL, sent_at IS NOT NULL, error FROM emails WHERE notification_id = %s",
        event.notification_id,
    )
    return found


def test_sends_the_notification_to_its_users_address(notifications: Database, ses: Ses) -> None:
    """The message arrives from our sender, under the notification's id."""
    address = an_address()
    event = created(notifications, address)
    assert handler(delivered(event), Context()) == DONE
    [message] = ses.received(address)
    assert message["From"] == SENDER
    assert message["Message-ID"] == f"<{event.notification_id}@millrace.example>"
    assert message.get_content().strip() == f"Hello, {address}!"
    assert state(notifications, event) == (1, False, True, None)


def test_sends_once_when_the_event_is_delivered_again(notifications: Database, ses: Ses) -> None:
    """Redelivered, or published twice under other event ids: one message."""
    address = an_address()
    event = created(notifications, address)
    first = delivered(event, event)
    for again in (first, first, delivered(event, start=5)):
        assert handler(again, Context()) == DONE
    assert len(ses.received(address)) == 1


def test_sends_no_in_app_notification(notifications: Database, ses: Ses) -> None:
    """What is for the list alone is not written to anybody."""
    address = an_address()
    handler(delivered(created(notifications, address, Channel.IN_APP)), Context())
    assert ses.received(address) == []


def test_leaves_unsent_what_has_no_address(
    notifications: Database, ses: Ses, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user whose address nobody told gets none; the reason is kept, and it is counted."""
    event = created(notifications)
    assert handler(delivered(event), Context()) == DONE
    assert state(notifications, event) == (0, False, False, "no address")
    assert '"emails_unaddressed":[1.0]' in capsys.readouterr().out
    assert ses.asked == []


def test_sends_nothing_for_a_notification_of_another_place(notifications: Database, ses: Ses) -> None:
    """An event that is replayed to where its notification never was is skipped."""
    event = NotificationCreated(notification_id=uuid4(), user_id=uuid4(), channel=Channel.EMAIL)
    assert handler(delivered(event), Context()) == DONE
    assert notifications.rows("SELECT * FROM emails") == []


@pytest.mark.parametrize("failure", [DOWN, THROTTLED])
def test_sends_the_others_while_ses_fails_for_one(notifications: Database, ses: Ses, failure: Failure) -> None:
    """The batch is done, the neighbours are sent, and the failed one waits for its next attempt."""
    unlucky, *others = addresses = [an_address() for _ in range(4)]
    events = [created(notifications, address) for address in addresses]
    ses.fails = lambda address: failure if address == unlucky else None
    assert handler(delivered(*events), Context()) == DONE
    assert [len(ses.received(address)) for address in others] == [1, 1, 1]
    assert state(notifications, events[0]) == (1, True, False, f"SES answers {failure[0]} {failure[1]}.")


def test_gives_up_what_ses_refuses(notifications: Database, ses: Ses) -> None:
    """An address that SES cannot use is not tried again; the reason is kept, and the others are sent."""
    refused, other = an_address(), an_address()
    events = [created(notifications, address) for address in (refused, other)]
    ses.fails = lambda address: REFUSED if address == refused else None
    handler(delivered(*events), Context())
    assert state(notifications, events[0]) == (1, False, False, "InvalidParameterValue")
    assert len(ses.received(other)) == 1


def test_leaves_ses_alone_when_it_is_down(notifications: Database, ses: Ses) -> None:
    """After five failures in a row the rest is not even tried, and waits untouched."""
    events = [created(notifications, an_address()) for _ in range(8)]
    ses.fails = lambda _: DOWN
    assert handler(delivered(*events), Context()) == DONE
    assert len(ses.asked) == 5
    assert sorted(state(notifications, event)[0] for event in events) == [0, 0, 0, 1, 1, 1, 1, 1]


def test_starts_nothing_that_it_may_not_finish(notifications: Database, ses: Ses) -> None:
    """Near the function's deadline the e-mails are queued, and left to the next run."""
    event = created(notifications, an_address())
    assert handler(delivered(event), Context(milliseconds=20_000)) == DONE
    assert ses.asked == []
    assert state(notifications, event) == (0, True, False, None)


def test_stays_done_when_the_database_is_lost_while_sending(notifications: Database, ses: Ses) -> None:
    """The events are consumed, whatever becomes of the e-mails: the batch is not given back."""
    several = [created(notifications, an_address()) for _ in range(3)]
    ses.interrupt = notifications.end_sessions
    assert handler(delivered(*several), Context()) == DONE
    assert notifications.rows("SELECT count(*) FROM inbox") == [(3,)]
