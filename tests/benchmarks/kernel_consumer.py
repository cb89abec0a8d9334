"""Events per second of the consumer kernel: batches of 1,000 as the mapping delivers them → inbox and effect.

Budget: 40,000 events/s. Run: PYTHONPATH=functions:layers/shared:localstack:. .millrace/environments/dev/bin/python -m tests.benchmarks.kernel_consumer
"""

import gc
import logging
import os
import statistics
import time
from typing import Any
from uuid import uuid4

from kernel import telemetry
from kernel.contracts.activity import EventType, UserEvent
from kernel.messaging import events
from tests.benchmarks.kernel_servers import activity_database
from tests.benchmarks.machine import describe
from tests.kit.lambda_events import Context, batch, record

BATCHES = 20
ROUNDS = 5
BATCH_SIZE = 1000


def batches(*, with_headers: bool) -> list[dict[str, Any]]:
    from datetime import UTC, datetime  # noqa: PLC0415

    found = []
    for _ in range(BATCHES):
        records = []
        for offset in range(BATCH_SIZE):
            payload = {"example": "x" * 100}
            event = UserEvent(
                event_id=uuid4(),
                user_id=f"user{offset % 100}",
                event_type=EventType.LOGIN,
                timestamp=datetime.now(UTC),
                payload=payload,
            )
            key, value, headers = events.encode(event)
            records.append(record(value, offset, key=key, headers=headers if with_headers else []))
        found.append(batch(*records))
    return found


def measure(handler: Any, several: list[dict[str, Any]]) -> float:  # noqa: ANN401 - a Lambda handler
    """Events per second of delivering *several* batches one after the other."""
    # A function has one batch in memory, not twenty: the collector need not walk through the others.
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    for each in several:
        assert handler(each, Context()) == {"batchItemFailures": []}
    seconds = time.perf_counter() - started
    gc.unfreeze()
    return len(several) * BATCH_SIZE / seconds


def main() -> None:
    os.environ |= {"TOPIC": "t", "CONSUMER_GROUP": "g", "DEAD_LETTER_TOPIC": "d"}
    telemetry.logger.setLevel(logging.WARNING)
    telemetry.publish = lambda *_, **__: None
    from activity import on_user_activity_events  # noqa: PLC0415

    print(describe())
    with activity_database():
        for with_headers in (False, True):
            name = "CloudEvents headers" if with_headers else "bare records"
            first, again = [], []
            for _ in range(ROUNDS):
                several = batches(with_headers=with_headers)
                first.append(measure(on_user_activity_events.handler, several))
                again.append(measure(on_user_activity_events.handler, several))
            for what, figures in ((name, first), (f"{name}, redelivered", again)):
                low, middle, high = min(figures), statistics.median(figures), max(figures)
                print(f"{what:35} {middle:8,.0f} events/s   ({low:,.0f} to {high:,.0f})")


if __name__ == "__main__":
    main()
