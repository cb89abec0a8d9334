"""What was not sent at first is sent later, at its own pace; what was sent is not sent again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.contracts.notifications import Channel
from kernel.storage.database import Connection
from notifications import outgoing, store
from notifications.model import Address, Notice
from notifications.send_emails import handler
from tests.kit import operations
from tests.kit.databases import Database
from tests.kit.ses import DOWN, Ses


def queued(notifications: Database, count: int = 1) -> list[str]:
    """The addresses of new users, for each of whom an e-mail waits."""
    users = {uuid4(): f"{uuid4().hex}@example.com" for _ in range(count)}
    with notifications.connect("app") as connection:
        added = store.add_many(connection, [Notice(user_id, Channel.EMAIL, "Hello") for user_id in users])
        store.keep_addresses(connection, {user_id: Address(email) for user_id, email in users.items()})
        outgoing.queue(connection, [each.id for each in added])
    return list(users.values())


def make_due(notifications: Database) -> None:
    """Let the time pass until the next attempts."""
    with notifications.connect() as connection:
        connection.execute("UPDATE emails SET due_at = now() WHERE due_at IS NOT NULL")


def run() -> dict[str, int]:
    return {outcome: count for outcome, count in operations.run(handler).items() if count}


def test_sends_what_a_killed_function_left(notifications: Database, ses: Ses) -> None:
    """What was queued and not tried is sent by the next run, and by no later one."""
    [address] = queued(notifications)
    assert run() == {"sent": 1}
    assert run() == {}
    assert len(ses.received(address)) == 1


def test_tries_again_when_it_is_due_and_not_before(notifications: Database, ses: Ses) -> None:
    """A failed e-mail waits for its time, while nothing else waits for it, and is then sent once."""
    [unlucky] = queued(notifications)
    ses.fails = lambda address: DOWN if address == unlucky else None
    assert run() == {"failed": 1, "waiting": 1}
    [other] = queued(notifications)
    assert run() == {"sent": 1, "waiting": 1}
    assert (len(ses.received(unlucky)), len(ses.received(other))) == (0, 1)
    ses.fails = lambda _: None
    make_due(notifications)
    assert run() == {"sent": 1}
    assert len(ses.received(unlucky)) == 1


def test_waits_longer_after_each_failure_and_gives_up_at_last(notifications: Database, ses: Ses) -> None:
    """The pauses double from a minute to six hours; after twenty attempts nothing more is tried."""
    queued(notifications)
    ses.fails = lambda _: DOWN
    pauses: list[timedelta] = []
    for _ in range(19):
        make_due(notifications)
        assert run() == {"failed": 1, "waiting": 1}
        pauses += [due - now for due, now in notifications.rows("SELECT due_at, now() FROM emails")]
    for number, pause in enumerate(pauses):
        expected = min(timedelta(minutes=2**number), timedelta(hours=6))
        assert expected * 0.9 < pause <= expected * 1.25
    make_due(notifications)
    assert run() == {"given_up": 1}
    assert notifications.rows("SELECT attempts, due_at, sent_at, error FROM emails") == [
        (20, None, None, "SES answers 500 InternalFailure.")
    ]


def test_repeats_a_message_whose_mark_was_lost(notifications: Database, ses: Ses) -> None:
    """The one gap: a session that is cut between SES's answer and the commit has the message sent again, later."""
    [address] = queued(notifications)
    ses.interrupt = notifications.end_sessions
    run()
    assert run() == {"waiting": 1}
    ses.interrupt = lambda: None
    make_due(notifications)
    assert run() == {"sent": 1}
    assert run() == {}
    assert [message["Message-ID"] for message in ses.received(address)] == [ses.received(address)[0]["Message-ID"]] * 2


def test_sends_nothing_when_its_claim_was_overtaken(
    notifications: Database, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was frozen after its claim, while another one sent the message, wakes up and sends nothing."""
    [address] = queued(notifications)
    mark_sent = outgoing.mark_sent

    def wake_up_late(connection: Connection, email: outgoing.Email) -> bool:
        make_due(notifications)
        with notifications.connect("app") as other:
            again = outgoing.claim(other)
            assert again is not None
            assert mark_sent(other, again)
        return mark_sent(connection, email)

    monkeypatch.setattr(outgoing, "mark_sent", wake_up_late)
    assert run() == {"overtaken": 1}
    assert ses.received(address) == []


def test_lets_parallel_runs_claim_each_email_once(notifications: Database) -> None:
    """Four runs at once take every e-mail, and none takes another's."""
    queued(notifications, 40)

    def claim_all(_: int) -> list[UUID]:
        with notifications.connect("app") as connection:
            return [claimed.notification_id for claimed in iter(lambda: outgoing.claim(connection), None)]

    with ThreadPoolExecutor(4) as runs:
        claimed = [each for several in runs.map(claim_all, range(4)) for each in several]
    assert len(claimed) == len(set(claimed)) == 40


@given(plans=st.lists(st.lists(st.booleans(), max_size=3), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sends_each_once_however_often_ses_fails(notifications: Database, ses: Ses, plans: list[list[bool]]) -> None:
    """Whatever SES answers at whichever attempt: in the end each e-mail was sent exactly once."""
    addresses = queued(notifications, len(plans))
    answers = {address: iter(plan) for address, plan in zip(addresses, plans, strict=True)}
    ses.fails = lambda address: DOWN if next(answers[address], False) else None
    for _ in range(4):
        make_due(notifications)
        run()
    assert [len(ses.received(address)) for address in addresses] == [1] * len(plans)
