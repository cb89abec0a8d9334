"""Schedule rate(1 minute): send the e-mails that are due again, or that a killed function left behind."""

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.storage.database import transaction
from notifications import delivery, outgoing


def handler(_event: dict[str, object], context: LambdaContext) -> dict[str, int]:
    telemetry.begin(context.aws_request_id, None)
    counts = delivery.send_due(context)
    with transaction("notifications") as connection:
        waiting = outgoing.count_waiting(connection)
    telemetry.publish("notifications.send_emails", emails_waiting=waiting)
    return {**counts, "waiting": waiting}
