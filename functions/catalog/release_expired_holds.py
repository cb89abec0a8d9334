"""Schedule rate(1 minute): release the holds of orders that were not paid in time.

Several runs at once share the holds, and one that is killed leaves the rest to the next.
"""

from catalog import reservations
from kernel import settings, telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.errors import UnavailableError
from kernel.storage import cache
from kernel.storage.database import transaction
from kernel.telemetry import logger

AT_ONCE = 500
# What one transaction may take: several statement timeouts.
RESERVE_MILLISECONDS = 20_000


def handler(_event: dict[str, object], context: LambdaContext) -> dict[str, int]:
    telemetry.begin(context.aws_request_id, None)
    minutes = settings.hold_minutes()
    released = 0
    try:
        while context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS and (count := _release(minutes)):
            released += count
    except UnavailableError as error:
        logger.warning("holds wait", error=str(error))
    telemetry.publish("catalog.release_expired_holds", holds_released=released)
    return {"released": released}


def _release(minutes: int) -> int:
    with cache.postponed(), transaction("catalog") as connection:
        return reservations.release_expired(connection, minutes, AT_ONCE)
