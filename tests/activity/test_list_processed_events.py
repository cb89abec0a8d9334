"""GET /events/processed."""

import json
from typing import Any

import pytest

from activity import list_processed_events
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, request


def fill(activity: Database, count: int) -> None:
    with activity.connect() as connection:
        connection.execute(
            """
            INSERT INTO events (id, user_id, event_type, payload, created_at)
            SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'user' || n, 'LOGIN', '{"n": 1}',
                   timestamp '2026-01-01 10:00:00' + interval '1 ms' * (n / 3)
            FROM generate_series(1, %s) AS n
            """,
            (count,),
        )


def store(activity: Database, *payloads: str) -> None:
    """Keep a row for each payload, as a release without limits did; the first is the newest."""
    with activity.connect() as connection:
        connection.cursor().executemany(
            """
            INSERT INTO events (id, user_id, event_type, payload, created_at)
            VALUES (gen_random_uuid(), 'user', 'LOGIN', %s::jsonb, timestamp '2026-01-01' - interval '1 s' * %s)
            """,
            [(payload, number) for number, payload in enumerate(payloads)],
        )


def answer(context: Context, **query: str) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """A page, if Lambda gives its answer to the gateway at all."""
    response = list_processed_events.handler(request(query=query or None), context)
    assert len(json.dumps(response, ensure_ascii=False).encode()) < 6 * 1024 * 1024
    return _read(response)


def page(context: Context, **query: str) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """The events of a page, and the query of the next one."""
    return _read(list_processed_events.handler(request(query=query or None), context))


def _read(response: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    assert response["statusCode"] == 200
    link = response["headers"].get("Link")
    target = link.partition(">")[0].removeprefix("<?") if link else ""
    return json.loads(response["body"]), dict(pair.split("=", 1) for pair in target.split("&")) if link else None


def test_is_a_bare_array_of_the_known_shape(activity: Database, context: Context) -> None:
    """Existing clients' field names; the time is UTC and says so."""
    fill(activity, 1)

    assert page(context)[0] == [
        {
            "id": "00000000-0000-0000-0000-000000000001",
            "user_id": "user1",
            "event_type": "LOGIN",
            "payload": {"n": 1},
            "created_at": "2026-01-01T10:00:00Z",
        }
    ]


def test_is_empty_without_events(activity: Database, context: Context) -> None:
    """Nothing arrived yet: an empty array, and no next page."""
    assert page(context) == ([], None)


def test_gives_the_newest_hundred(activity: Database, context: Context) -> None:
    """It is never unbounded."""
    fill(activity, 250)

    events, following = page(context)

    assert [event["user_id"] for event in events] == [f"user{n}" for n in range(250, 150, -1)]
    assert following is not None


def test_pages_to_the_end(activity: Database, context: Context) -> None:
    """Following the links gives every event once, newest first, also where several have the same time."""
    fill(activity, 50)
    users: list[str] = []
    following: dict[str, str] | None = {"limit": "7"}
    while following:
        events, following = page(context, **following)
        users += [event["user_id"] for event in events]

    assert users == [f"user{n}" for n in range(50, 0, -1)]


# What the largest record of Kafka, or the largest request of an earlier release, became in the database.
LARGEST: dict[str, str] = {
    "numbers that Postgres writes out": '{"n": 0, "a": [' + ",".join(["1e300"] * 40_000) + "]}",
    "fractions that Postgres writes out": '{"n": 0, "a": [' + ",".join(["-1e-300"] * 30_000) + "]}",
    "numbers of 40 digits": '{"n": 0, "a": [' + ",".join(["1e39"] * 200_000) + "]}",
    "characters that count four times": '{"n": 0, "a": "' + '\\"' * 500_000 + '"}',
    "control characters": '{"n": 0, "a": "' + "\\u0001" * 170_000 + '"}',
    "commas that get a space": '{"n": 0, "a": [' + ",".join(["1"] * 500_000) + "]}",
    "ordinary events": '{"n": 0, "a": "' + "x" * 255_000 + '"}',
}


@pytest.mark.parametrize("kind", LARGEST)
def test_every_stored_event_is_on_one_page(kind: str, activity: Database, context: Context) -> None:
    """Whatever was stored: none is lost, none comes twice, and each page is one that Lambda can answer."""
    count = 26 if kind == "ordinary events" else 4
    store(activity, *(LARGEST[kind].replace('"n": 0', f'"n": {number}') for number in range(count)))

    found, following = answer(context)
    while following is not None and len(found) <= count:
        further, following = answer(context, **following)
        found += further

    assert [event["payload"]["n"] for event in found] == list(range(count))


def test_a_payload_is_shown_as_it_was_sent(activity: Database, context: Context) -> None:
    """Numbers keep their value."""
    store(activity, LARGEST["numbers that Postgres writes out"], '{"a": 1e30}', "null")

    found, _ = answer(context, limit="1")
    rest, _ = answer(context, limit="3")

    assert found[0]["payload"]["a"][:2] == [1e300, 1e300]
    assert [event["payload"] for event in rest[1:]] in ([], [{"a": 10**30}, None])
