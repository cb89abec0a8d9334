"""Sends the e-mails that are due, one after the other. Each has a retry schedule of its own.

1. Claim: schedule the next attempt of a due e-mail, at least 1 minute ahead. Commit.
2. Mark and send: in one transaction, mark the e-mail as sent, hand it to SES, and commit the mark. The row is locked
   meanwhile. A run whose claim was overtaken (a frozen environment that thawed) notices it here and sends nothing.
3. If SES fails, roll the mark back and store the error. The e-mail waits for its next attempt and delays no other.
   It is given up and counted when SES rejects it for good, or after 20 failures in about 3 days.

So redelivered events, replays and parallel runs send nothing twice. One gap remains, because SES takes no idempotency
token: if we crash after SES accepted the message and before the commit, or never get the response, it is sent again.
At-least-once is deliberate: a welcome that arrives twice is better than none.
Bounces after SES accepted a message are left to SES, which retries, or suppresses the address.
"""

from kernel import telemetry
from kernel.aws import email
from kernel.aws.email import RefusedError
from kernel.aws.lambda_context import LambdaContext
from kernel.errors import UnavailableError
from kernel.telemetry import logger
from notifications import outgoing
from notifications.database import transaction
from notifications.outgoing import Email

SUBJECT = "Your notification from Millrace"
# Reserved for the last message of a run: connection and response, each with a timeout, and the mark.
RESERVE_MILLISECONDS = (2 * email.TIMEOUT_SECONDS + 5) * 1000
MOST_ATTEMPTS = 20
# So many failures in a row mean that SES is down: the rest is left to the next run.
MOST_FAILURES_IN_A_ROW = 5


def send_due(context: LambdaContext) -> dict[str, int]:
    """Send due e-mails until none is left, SES keeps failing, or the time is used up. Returns the counts."""
    counts = dict.fromkeys(("sent", "failed", "given_up", "overtaken"), 0)
    failures_in_a_row = 0
    try:
        while failures_in_a_row < MOST_FAILURES_IN_A_ROW and _has_time(context) and (claimed := _claim()):
            outcome = _send(claimed)
            counts[outcome] += 1
            failures_in_a_row = failures_in_a_row + 1 if outcome == "failed" else 0
    except UnavailableError as error:
        logger.warning("e-mails are delayed", error=str(error))
    telemetry.publish("notifications.delivery", **{f"emails_{outcome}": count for outcome, count in counts.items()})
    return counts


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS


def _claim() -> Email | None:
    with transaction() as connection:
        return outgoing.claim(connection)


def _send(claimed: Email) -> str:
    try:
        with transaction() as connection:
            if not outgoing.mark_sent(connection, claimed):
                return "overtaken"
            email.send(claimed.address, SUBJECT, claimed.message, message_id=claimed.notification_id)
    except RefusedError as error:
        return _fail(claimed, error, final=True)
    except UnavailableError as error:
        return _fail(claimed, error, final=claimed.attempts >= MOST_ATTEMPTS)
    return "sent"


def _fail(claimed: Email, error: Exception, *, final: bool) -> str:
    with transaction() as connection:
        outgoing.mark_failed(connection, claimed, str(error), final=final)
    identity = {"notificationId": str(claimed.notification_id), "attempts": claimed.attempts}
    logger.warning("e-mail not sent", extra={**identity, "error": str(error), "given_up": final})
    return "given_up" if final else "failed"
