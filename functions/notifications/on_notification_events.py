"""notification-events: send each e-mail once. `send_emails` retries those that SES does not accept."""

from kernel import telemetry
from kernel.contracts.notifications import Channel, NotificationCreated
from kernel.messaging import consumer
from kernel.storage.database import Connection
from notifications import delivery, outgoing, own_list


@consumer.batch(NotificationCreated, after=delivery.send_due, ignores_replays=True, idempotent_without_inbox=True)
def handler(connection: Connection, events: list[NotificationCreated]) -> None:
    # A function that died between its commit and the cache left the old list there.
    own_list.forget(event.user_id for event in events)
    emails = [event.notification_id for event in events if event.channel is Channel.EMAIL]
    if unaddressed := outgoing.queue(connection, emails):
        telemetry.publish("notifications.on_notification_events", emails_unaddressed=unaddressed)
