"""notification-events: send the e-mails, once each; what SES does not take is left to `send_emails`."""

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.notifications import Channel, NotificationCreated
from kernel.messaging import consumer
from kernel.messaging.consumption import Batch
from kernel.storage.database import Connection
from notifications import delivery, outgoing, own_list
from notifications.consumers import Answer


@consumer.batch("notifications", NotificationCreated)
def queue(connection: Connection, events: list[NotificationCreated]) -> None:
    # The notification is committed since long. This reaches the list that was read, or could not be forgotten, then.
    own_list.forget(event.user_id for event in events)
    emails = [event.notification_id for event in events if event.channel is Channel.EMAIL]
    if unaddressed := outgoing.queue(connection, emails):
        telemetry.publish("notifications.on_notification_events", emails_unaddressed=unaddressed)


def handler(event: Batch, context: LambdaContext) -> Answer:
    answer = queue(event, context)
    delivery.send_due(context)
    return answer
