"""Consumes a partition of thirty records, each of which fails, in a process of its own: three deliveries of it."""

import sys
from dataclasses import replace

from kernel.contracts.activity import UserEvent
from kernel.messaging import consumer
from kernel.storage.database import Connection
from tests.kit.lambda_events import Context, batch, record, user_event


def fail(_connection: Connection, _events: object) -> None:
    message = "a bug"
    raise RuntimeError(message)


if __name__ == "__main__":
    style, cause, partition = sys.argv[1:]
    decorate = consumer.batch if style == "batch" else consumer.each
    handler = replace(decorate(UserEvent)(fail), domain="activity")
    values = [b"junk" if cause == "unreadable" else user_event() for _ in range(30)]
    delivered = batch(*(record(value, offset, partition=int(partition)) for offset, value in enumerate(values)))
    for _ in range(3):
        answer = handler(delivered, Context())
    print(len(answer["batchItemFailures"]))  # noqa: T201 - its result
