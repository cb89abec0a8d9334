"""HTTP on the local cloud: one warm function, and from a 2xx to the row that another function wrote."""

import statistics
import time
from uuid import uuid4

import httpx
import psycopg

from tests.benchmarks import machine
from tests.kit.cloud import running_cloud

REQUESTS = 200
WARM_UP = 20


def main() -> None:
    with running_cloud() as cloud:
        database = cloud.environment()["DATABASE_URL_ACTIVITY"]
        with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
            health = [_time_health(api) for _ in range(REQUESTS + WARM_UP)][WARM_UP:]
            with psycopg.connect(database, autocommit=True) as connection:
                visible = [_time_event(api, connection) for _ in range(REQUESTS + WARM_UP)][WARM_UP:]
    print(f"machine                        {machine.describe()}")
    print(_row("GET /health, warm", health, budget=12))
    print(_row("POST /events/generate 2xx", [answer for answer, _ in visible], budget=None))
    print(_row("2xx → row visible", [row for _, row in visible], budget=150))
    # The consumer works while the answer is on its way: a slower answer makes the figure above smaller, and not this one.
    print(_row("request → row visible", [answer + row for answer, row in visible], budget=None))


def _time_health(api: httpx.Client) -> float:
    began = time.perf_counter()
    api.get("/health").raise_for_status()
    return time.perf_counter() - began


def _time_event(api: httpx.Client, connection: psycopg.Connection[tuple[int]]) -> tuple[float, float]:
    """Seconds from request to 2xx, and from 2xx until the consumer's row is there."""
    began = time.perf_counter()
    body = {"userId": f"bench-{uuid4()}", "eventType": "LOGIN", "payload": {}}
    answer = api.post("/events/generate", json=body).raise_for_status()
    accepted = time.perf_counter()
    while not connection.execute("SELECT 1 FROM events WHERE id = %s", [answer.json()["eventId"]]).fetchone():
        time.sleep(0.001)
    return accepted - began, time.perf_counter() - accepted


def _row(what: str, seconds: list[float], *, budget: int | None) -> str:
    milliseconds = [1000 * one for one in seconds]
    percentiles = statistics.quantiles(milliseconds, n=100)
    limit = f"   (budget p50 {budget} ms)" if budget else ""
    return f"{what:<30} p50 {percentiles[49]:7.1f} ms   p99 {percentiles[98]:7.1f} ms{limit}"


if __name__ == "__main__":
    main()
