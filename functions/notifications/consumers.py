"""What the consumers of other domains' events have in common: events in, notifications out."""

from collections.abc import Callable

from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import Event
from kernel.messaging import consumer
from kernel.messaging.consumption import Batch
from kernel.storage import cache
from kernel.storage.database import Connection
from notifications import notices, own_list
from notifications.model import Notice

type Answer = dict[str, list[dict[str, object]]]


def consumer_of[E: Event](
    *contracts: type[E],
) -> Callable[[Callable[[Connection, list[E]], list[Notice]]], Callable[[Batch, LambdaContext], Answer]]:
    """Make a Lambda handler of a function that says which notifications some events call for."""

    def decorate(function: Callable[[Connection, list[E]], list[Notice]]) -> Callable[[Batch, LambdaContext], Answer]:
        @consumer.batch("notifications", *contracts)
        def notify(connection: Connection, events: list[E]) -> None:
            added = notices.add_many(connection, function(connection, events))
            own_list.forget(each.user_id for each in added)

        def handler(event: Batch, context: LambdaContext) -> Answer:
            with cache.postponed():
                return notify(event, context)

        return handler

    return decorate
