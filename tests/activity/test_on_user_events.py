"""What somebody did goes with their account, and what arrives later is not kept."""

from uuid import uuid4

from tests.forgetting.deletions import hear_of
from tests.forgetting.platform import CONSUMERS, consume
from tests.kit.databases import Database
from tests.kit.lambda_events import batch, record, user_event


def hear(*user_ids: str) -> None:
    """Hand an event of each user to the consumer."""
    [consumer] = [each for each in CONSUMERS if each.module == "activity.on_user_activity_events"]
    consume(consumer, batch(*(record(user_event(userId=user_id), place) for place, user_id in enumerate(user_ids))))


def test_deletes_what_the_person_did_and_what_others_did_not(activity: Database) -> None:
    """Whatever letters the id was written in; late events are left out, and the rest of their batch is kept."""
    person, other = uuid4(), uuid4()
    hear(str(person), str(person).upper(), str(other), "user123")
    for _ in range(2):
        hear_of("activity", person, uuid4())
        assert activity.rows("SELECT user_id FROM events ORDER BY user_id") == sorted([(str(other),), ("user123",)])
    hear("later", str(person), str(person).upper())
    kept = {user_id for (user_id,) in activity.rows("SELECT user_id FROM events")}
    assert kept == {str(other), "user123", "later"}


def test_forgets_many_people_at_once(activity: Database) -> None:
    """A batch of 1,000 deletions, with 30,000 events between them."""
    people = [uuid4() for _ in range(1000)]
    with activity.connect() as connection:
        connection.execute(
            """
            INSERT INTO events (id, user_id, event_type)
            SELECT gen_random_uuid(), person::text, 'LOGIN' FROM unnest(%s) AS person, generate_series(1, 30)
            """,
            (people,),
        )
    hear_of("activity", *people)
    assert activity.rows("SELECT count(*) FROM events") == [(0,)]
    assert activity.rows("SELECT count(*) FROM forgotten") == [(1000,)]
