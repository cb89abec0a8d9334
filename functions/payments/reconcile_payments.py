"""Schedule rate(5 minutes): ask Stripe about payments that are not settled, and move them on.

Their function was killed, their webhook was lost, or their client never came back.
"""

from collections.abc import Iterator

from msgspec import Struct

from kernel.aws.lambda_context import LambdaContext
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from payments import gateway, settlement, store
from payments.commands import ReconcilePayments
from payments.database import transaction
from payments.model import Payment
from payments.settlement import Failures

QUIET_MINUTES = 5
PATIENCE_HOURS = 24
AT_ONCE = 40
PART_SECONDS = settlement.RESERVE_MILLISECONDS / 1000


class Reconciled(Struct, frozen=True):
    """Count the payments *looked_at*, and those of them that are still *waiting*."""

    looked_at: int = 0
    waiting: int = 0


@operation(ReconcilePayments, cursor=Reconciled, part_seconds=PART_SECONDS)
def handler(_command: ReconcilePayments, run: Run[Reconciled]) -> Iterator[Progress[Reconciled]]:
    """The cursor holds the counts alone: a payment that was claimed is not due again for some minutes."""
    counts = run.cursor or Reconciled()
    run.count(payments_looked_at=0, payments_waiting=0)
    while claimed := _claim():
        failures = len(_settle(claimed, run.context))
        run.count(payments_looked_at=len(claimed), payments_waiting=failures)
        counts = Reconciled(counts.looked_at + len(claimed), counts.waiting + failures)
        yield Progress(counts.looked_at, None, counts, counts)
    yield Progress(counts.looked_at, counts.looked_at, None, counts)


def _claim() -> list[Payment]:
    with transaction() as connection:
        store.expire(connection, PATIENCE_HOURS)
        return store.claim_unsettled(connection, QUIET_MINUTES, AT_ONCE)


def _settle(claimed: list[Payment], context: LambdaContext) -> Failures:
    """Return why some are not settled, though they wait for nobody else."""
    others = [payment for payment in claimed if payment.next_step is None]
    settlement.learn(others, gateway.look, context)
    return settlement.settle([payment.order_id for payment in claimed], context)
