"""Invoked by an operator: make the list of orders anew from their events, while orders are placed and changed.

Takes `{}`, or `{"after": "<order id>"}` to go on where an earlier run ended. Answers with how many orders were listed
and, as `next`, where to go on; null when all is done.
"""

import msgspec

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.errors import UnavailableError
from kernel.storage.database import transaction
from orders import order_list
from orders.schemas import RebuildOrderList

# A page takes far less.
RESERVED_MILLISECONDS = 15_000


def handler(event: dict[str, object], context: LambdaContext) -> dict[str, int | str | None]:
    telemetry.begin(context.aws_request_id, None)
    position = msgspec.convert(event, RebuildOrderList).after
    orders = 0
    while position is not None and context.get_remaining_time_in_millis() > RESERVED_MILLISECONDS:
        try:
            with transaction("orders") as connection:
                count, following = order_list.rebuild(connection, position)
        except UnavailableError as error:
            telemetry.logger.warning("rebuild stops", extra={"next": str(position), "reason": str(error)})
            break
        orders, position = orders + count, following
    telemetry.logger.info("order list rebuilt", extra={"orders": orders, "next": str(position)})
    return {"orders": orders, "next": str(position) if position else None}
