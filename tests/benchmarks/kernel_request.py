"""A request handler: state and outbox committed in process. Budget: p50 1 ms per request."""

import logging
import statistics
import time

from kernel import telemetry
from tests.benchmarks.kernel_servers import activity_database
from tests.benchmarks.machine import describe
from tests.kit.lambda_events import Context, request

REQUESTS = 3000


def commit_milliseconds() -> list[float]:
    from activity import generate_event  # noqa: PLC0415

    event = request({"userId": "user123", "eventType": "LOGIN", "payload": {"example": "data"}})
    found = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        assert generate_event.handler(event, Context())["statusCode"] == 200
        found.append((time.perf_counter() - started) * 1000)
    return found


def main() -> None:
    print(describe())
    telemetry.logger.setLevel(logging.WARNING)
    with activity_database():
        figures = statistics.quantiles(commit_milliseconds(), n=100)
        print(f"POST /events/generate in process: p50 {figures[49]:.2f} ms, p99 {figures[98]:.2f} ms")


if __name__ == "__main__":
    main()
