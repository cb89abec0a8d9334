"""GET /events/processed."""

import json
from typing import Any

from activity import list_processed_events
from tests.databases import Database
from tests.lambda_events import Context, request


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


def page(context: Context, **query: str) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """The events of a page, and the query of the next one."""
    response = list_processed_events.handler(request(query=query or None), context)
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
