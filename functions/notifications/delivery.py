"""Sends the e-mails that are due, one after the other, each at its own pace.

1. Claim: one that is due is taken and its next attempt set, 1 minute ahead or more. Committed.
2. Mark and send: in one transaction it is marked as sent, handed to SES, and the mark committed. The row is locked
   meanwhile, and a run whose claim was overtaken (a frozen environment that thawed) finds it so and sends nothing.
3. When SES fails, the mark is rolled back and the error kept. The e-mail stays due for its next attempt and holds up
   no other. What SES refuses for good, or fails 20 times in about 3 days, is given up and counted.

Redelivered events, replays and parallel runs thus send nothing twice. One gap remains, since SES takes no idempotency
token: a crash after SES took the message and before the commit, or an answer of SES that never came, repeats the
message at the next attempt. At-least-once was chosen for it: a welcome that comes twice is better than none.
Bounces that SES learns of after it took the message are SES's own: it retries them itself, or suppresses the address.
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
# What the last message of a run may take: its connection and its answer, each with a timeout, and the mark.
RESERVE_MILLISECONDS = (2 * email.TIMEOUT_SECONDS + 5) * 1000
MOST_ATTEMPTS = 20
# So many in a row say that it is SES, not a message: the rest is left for the next run.
MOST_FAILURES_IN_A_ROW = 5


def send_due(context: LambdaContext) -> dict[str, int]:
    """Send what is due until nothing is, SES fails again and again, or the time is used up; return the counts."""
    counts = dict.fromkeys(("sent", "failed", "given_up", "overtaken"), 0)
    failures_in_a_row = 0
    try:
        while failures_in_a_row < MOST_FAILURES_IN_A_ROW and _has_time(context) and (claimed := _claim()):
            outcome = _send(claimed)
            counts[outcome] += 1
            failures_in_a_row = failures_in_a_row + 1 if outcome == "failed" else 0
    except UnavailableError as error:
        logger.warning("e-mails wait", error=str(error))
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
