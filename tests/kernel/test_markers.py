"""The headers by which operators mark records: which records a consumer leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from activity import store
from kernel.contracts.activity import UserEvent
from kernel.messaging import consumer, events
from kernel.messaging.consumer import Consumer
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, failures, record, user_event

type Header = tuple[str, bytes]
type Make = Callable[..., Consumer[UserEvent]]

GROUP = "group-of-the-test"
REPLAY = ("replay_id", b"the task")


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUMER_GROUP", GROUP)
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-dlq")


@pytest.fixture(params=["batch", "each"])
def make(request: pytest.FixtureRequest) -> Make:
    """Make a consumer of the activity domain that stores events, in both styles."""

    def of_options(**options: Any) -> Consumer[UserEvent]:  # noqa: ANN401 - passed on
        if request.param == "batch":
            return replace(consumer.batch(UserEvent, **options)(store.add_many), domain="activity")
        one = consumer.each(UserEvent, **options)
        return replace(one(lambda connection, event: store.add_many(connection, [event])), domain="activity")

    return of_options


def users(activity: Database) -> list[str]:
    return [user for (user,) in activity.rows("SELECT user_id FROM events ORDER BY user_id")]


@pytest.mark.parametrize("addressee", [b"another", GROUP.encode() + b"s", b"", b"\xff"], ids=repr)
@pytest.mark.parametrize("value", [user_event(userId="theirs"), b"junk"], ids=["readable", "unreadable"])
def test_a_record_for_another_consumer_is_left_alone(
    addressee: bytes, value: bytes, make: Make, activity: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is neither decoded nor claimed, but counted; its neighbours are applied."""
    headers = [("other", b"1"), ("for_consumer", addressee)]
    delivered = batch(record(value, 0, headers=headers), record(user_event(userId="ours"), 1))

    assert make()(delivered, Context()) == failures()

    assert users(activity) == ["ours"]
    assert activity.rows("SELECT count(*) FROM inbox") == [(1,)]
    assert activity.rows("SELECT count(*) FROM outbox") == [(0,)]
    printed = capsys.readouterr().out
    assert '"for_others":[1.0]' in printed
    assert '"skipped":[0.0]' in printed


def test_a_record_for_this_consumer_is_applied(make: Make, activity: Database, context: Context) -> None:
    """By the name of its group."""
    assert make()(batch(record(user_event(), headers=[("for_consumer", GROUP.encode())])), context) == failures()

    assert len(users(activity)) == 1


@pytest.mark.parametrize("ignores", [True, False], ids=["ignores replays", "applies replays"])
@pytest.mark.parametrize("effects", [None, b"all", b"ALL", b"none", b"\xff"], ids=repr)
def test_a_replay_is_left_alone_by_a_consumer_that_ignores_it(
    effects: bytes | None, *, ignores: bool, make: Make, activity: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless its effects are wanted by the exact word."""
    headers = [REPLAY] if effects is None else [REPLAY, ("replay_effects", effects)]
    applied = not ignores or effects == b"all"

    assert make(ignores_replays=ignores)(batch(record(user_event(), headers=headers)), Context()) == failures()

    assert len(users(activity)) == int(applied)
    assert f'"replays_ignored":[{float(not applied)}]' in capsys.readouterr().out


def test_effects_without_a_replay_say_nothing(make: Make, activity: Database, context: Context) -> None:
    """The header alone makes no record a replay."""
    headers = [("replay_effects", b"none")]
    assert make(ignores_replays=True)(batch(record(user_event(), headers=headers)), context) == failures()

    assert len(users(activity)) == 1


def test_the_phase_before_does_not_see_what_is_left_alone(make: Make, activity: Database, context: Context) -> None:
    """No outside system is called for it."""
    seen: list[str] = []

    def look(delivered: Any, _context: object) -> dict[Any, Exception]:  # noqa: ANN401 - deliveries
        seen.extend(each.event.user_id for each in delivered)
        return {}

    several = (
        record(user_event(userId="a"), 0, headers=[REPLAY]),
        record(user_event(userId="b"), 1, headers=[("for_consumer", b"another")]),
        record(user_event(userId="c"), 2),
    )
    make(before=look, ignores_replays=True)(batch(*several), context)

    assert seen == users(activity) == ["c"]


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ([("redrive_id", b"t"), ("redrive_partition", b"3"), ("redrive_offset", b"17")], (3, 17)),
        ([("redrive_partition", b"3"), ("redrive_offset", b"17")], None),
        ([("redrive_id", b"t"), ("redrive_partition", b"3")], None),
        ([("redrive_id", b"t"), ("redrive_partition", b"-3"), ("redrive_offset", b"17")], None),
        ([("redrive_id", b"t"), ("redrive_partition", "³".encode()), ("redrive_offset", b"17")], None),
        ([("redrive_id", b"t"), ("redrive_partition", b"\xff"), ("redrive_offset", b"17")], None),
        ([], None),
    ],
)
def test_a_redriven_record_knows_its_first_place(headers: list[Header], place: tuple[int, int] | None) -> None:
    """If its headers are whole; a record that is not redriven has none."""
    assert events.parse(record(b"", headers=headers)).original == place
