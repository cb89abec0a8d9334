"""Schedule rate(5 minutes): find out what became of the payments that are not settled, and move them on.

They are those whose function was killed or whose webhook was lost, and those whose client never came back.
"""

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.errors import UnavailableError
from kernel.storage.database import transaction
from kernel.telemetry import logger
from payments import gateway, settlement, store
from payments.model import Payment
from payments.settlement import Failures

QUIET_MINUTES = 5
PATIENCE_HOURS = 24
AT_ONCE = 40


def handler(_event: dict[str, object], context: LambdaContext) -> dict[str, int]:
    telemetry.begin(context.aws_request_id, None)
    looked_at, failures = 0, 0
    try:
        while context.get_remaining_time_in_millis() > settlement.RESERVE_MILLISECONDS and (claimed := _claim()):
            looked_at += len(claimed)
            failures += len(_settle(claimed, context))
    except UnavailableError as error:
        logger.warning("payments wait", error=str(error))
    telemetry.publish("payments.reconcile_payments", payments_looked_at=looked_at, payments_waiting=failures)
    return {"looked_at": looked_at, "waiting": failures}


def _claim() -> list[Payment]:
    with transaction("payments") as connection:
        store.expire(connection, PATIENCE_HOURS)
        return store.claim_unsettled(connection, QUIET_MINUTES, AT_ONCE)


def _settle(claimed: list[Payment], context: LambdaContext) -> Failures:
    """Why some are not settled, though nobody else is waited for."""
    others = [payment for payment in claimed if payment.next_step is None]
    settlement.learn(others, gateway.look, context)
    return settlement.settle([payment.order_id for payment in claimed], context)
