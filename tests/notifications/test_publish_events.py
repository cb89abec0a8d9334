"""The relay of notifications, and the way of a registration from there to a mailbox."""

from uuid import uuid4

from kernel.contracts.users import UserRegistered
from notifications import on_notification_events, on_user_events, publish_events
from tests.kit import relays, topics
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from tests.kit.published import delivered
from tests.kit.ses import Ses

TOPIC = "notification-events"


def test_a_registration_becomes_one_email(notifications: Database, kafka: str, ses: Ses) -> None:
    """From event to event through Kafka: welcomed, published, sent; delivered again, nothing more happens."""
    address = f"{uuid4().hex}@example.com"
    registered = delivered(UserRegistered(user_id=uuid4(), username="testuser", email=address))
    for _ in range(2):
        on_user_events.handler(registered, Context())
        with relays.relaying(notifications, kafka, TOPIC):
            relays.run(publish_events)
        created = batch(
            *(
                record(message.value(), message.offset(), partition=message.partition(), headers=message.headers())
                for message in topics.read(kafka, TOPIC)
            )
        )
        on_notification_events.handler(created, Context())
    [message] = ses.received(address)
    assert message.get_content().strip() == "Welcome, testuser! Your account has been created."


def test_each_notification_is_published_once_under_its_id(notifications: Database, kafka: str) -> None:
    """The key is the notification's id, and the outbox is empty then."""
    users = [UserRegistered(user_id=uuid4(), username=str(number)) for number in range(10)]
    on_user_events.handler(delivered(*users), Context())
    with relays.relaying(notifications, kafka, TOPIC):
        assert relays.run(publish_events) == {"published": 10, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    told = relays.received(kafka, TOPIC)
    for (id_,) in notifications.rows("SELECT id::text FROM notifications"):
        assert [kind for _, kind in told[id_]] == ["notification-created"]
