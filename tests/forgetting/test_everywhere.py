"""Whoever deletes their account is forgotten everywhere: every table of every domain and every cache is searched."""

from uuid import uuid4

from activity import generate_event
from tests.forgetting.person import Person
from tests.forgetting.platform import Message, Platform
from tests.kit.api import call

# What keeps the id of somebody whom nobody knows any more. Their words are nowhere.
KEEP_THE_ID = {
    # Tombstones.
    *(f"{domain}.forgotten" for domain in ("activity", "blogs", "catalog", "notes", "notifications")),
    *(f"{domain}.forgotten" for domain in ("orders", "payments", "transactions", "users")),
    # What was ordered and paid.
    "orders.order_events",
    "orders.order_list",
    "payments.payments",
    # What was booked.
    "transactions.entries",
    "transactions.balances",
}
# Gone by themselves within a minute, and without anything but the id.
COUNTS_REQUESTS = "redis rate:"


def forgotten(platform: Platform, person: Person) -> None:
    """Assert that none of the person's words is anywhere, and their id only where it may be."""
    assert platform.found(*person.words) == set()
    assert {place for place in platform.found(str(person.id)) if not place.startswith(COUNTS_REQUESTS)} <= KEEP_THE_ID


def test_everybody_forgets(platform: Platform, person: Person) -> None:
    """Before, the person is in every domain; after, nowhere, though all that was ever told is told again."""
    assert {place.partition(".")[0] for place in platform.found(str(person.id))} >= platform.databases.keys()
    assert {place.partition(".")[0] for place in platform.found(person.mark)} >= {
        *("activity", "blogs", "notes", "notifications", "transactions", "users", "redis cache:"),
    }
    settled = "SELECT customer_id FROM payments WHERE money <> 'open' AND customer_id = %s"
    assert len(platform.databases["payments"].rows(settled, person.id)) == 2
    assert person.delete().status == 204
    platform.settle()
    platform.sweep()
    forgotten(platform, person)

    platform.replay()
    platform.sweep()
    forgotten(platform, person)


def test_what_was_on_its_way_brings_nobody_back(platform: Platform, person: Person) -> None:
    """Events that were not published yet when the account was deleted are, in whatever order they are consumed."""
    person.be_busy()
    dead = f'{{"type":"transaction_created","userId":"{person.id}","description":"{person.mark}"}}'.encode()
    platform.carry("transaction-events", [Message(None, dead, [])])
    with platform.databases["notes"].connect("relay") as connection:
        connection.execute(
            "UPDATE outbox SET parked_at = now(), parked_reason = 'too large' WHERE published_at IS NULL"
        )
    assert person.delete().status == 204
    deletion = f'{{"type":"user-deleted","userId":"{person.id}"}}'.encode()
    platform.carry("user-events", [Message(str(person.id).encode(), deletion, [])])
    platform.settle()
    platform.sweep()
    forgotten(platform, person)


def test_a_token_that_is_still_valid_creates_nothing(platform: Platform, person: Person) -> None:
    """401 with the reason in every domain, or 404 where the account itself is looked for, and nothing is kept."""
    person.delete()
    platform.settle()
    answers = person.late_requests()
    assert [answer.status for answer in answers] == [401, 401, 401, 401, 404, 401, 401, 401, 401, 401, 401]
    told = {answer.body["detail"] for answer in answers if answer.status == 401}
    assert told == {"This account was deleted. Its access tokens are no longer valid."}
    event = call(generate_event.handler, "POST", person.event())
    assert (event.status, event.body["detail"]) == (422, "This user does not exist any more: the account was deleted.")
    platform.settle()
    platform.sweep()
    forgotten(platform, person)


def test_what_is_created_until_a_domain_hears_of_it_goes_too(platform: Platform, person: Person) -> None:
    """A token that is still valid creates things in domains that do not know yet; they go with the others."""
    person.delete()
    statuses = [answer.status for answer in person.late_requests()]
    assert statuses == [201, 201, 201, 201, 404, 201, 201, 201, 201, 401, 201]
    platform.settle()
    platform.sweep()
    forgotten(platform, person)


def test_every_table_about_people_is_guarded_or_filtered(platform: Platform) -> None:
    """A table with a person in a column refuses rows about one who was forgotten, or this says what does instead."""
    found = {
        f"{domain}.{table}"
        for domain, database in platform.databases.items()
        for (table,) in database.rows(
            """
            SELECT table_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name = ANY(%s) AND NOT EXISTS (
                SELECT FROM pg_trigger
                WHERE tgrelid = format('public.%%I', table_name)::regclass AND tgname LIKE 'guard_%%'
            )
            """,
            ["user_id", "owner_id", "author_id", "customer_id", "principal", "email"],
        )
    }
    assert found == {
        # The consumer leaves out who was forgotten.
        "activity.events",
        # The consumer leaves out their words, and books the amount.
        "transactions.entries",
        "transactions.balances",
        # They refer to the account itself, which is gone.
        "users.users",
        "users.sessions",
        "users.transactions",
        # Follow from what was ordered, of which nothing new is.
        "orders.order_list",
        "payments.payments",
    }


def test_nobody_else_is_forgotten(platform: Platform, person: Person) -> None:
    """Another person's account, texts, kept answers and published records stay as they were."""
    other = Person()
    other.register()
    other.be_busy()
    platform.settle()
    before = platform.found(*other.words)
    person.delete()
    platform.settle()
    platform.sweep()
    assert platform.found(*other.words) == before
    assert other.delete(password=str(uuid4())).status == 403
    assert platform.found(*other.words) == before
