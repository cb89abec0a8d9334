"""Checks the servers that the functions need, all at once, with a time limit."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from kernel import settings
from kernel.storage import database
from kernel.telemetry import logger
from operations.schemas import Dependency

PATIENCE_SECONDS = 3.0

type Probe = Callable[[], None]


def check_all() -> list[Dependency]:
    """Check every dependency. Returns each with its latency; DOWN if it fails or does not answer in 3 seconds."""
    executor = ThreadPoolExecutor()
    try:
        started = time.monotonic()
        running = {name: executor.submit(_timed, probe) for name, probe in _probes().items()}
        return [_outcome(name, future, started) for name, future in running.items()]
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _probes() -> dict[str, Probe]:
    databases = {f"postgres/{domain}": partial(_ask_postgres, domain) for domain in settings.names("DOMAINS")}
    return {**databases, "kafka": _ask_kafka, "redis": _ask_redis}


def _timed(probe: Probe) -> float:
    started = time.monotonic()
    probe()
    return time.monotonic() - started


def _outcome(name: str, future: Future[float], started: float) -> Dependency:
    try:
        seconds = future.result(timeout=max(0.0, started + PATIENCE_SECONDS - time.monotonic()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the dependency did not answer
        logger.warning("dependency is down", extra={"dependency": name, "error": type(error).__name__})
        return Dependency(name, "DOWN", round((time.monotonic() - started) * 1000, 1))
    return Dependency(name, "UP", round(seconds * 1000, 1))


def _ask_postgres(domain: str) -> None:
    with database.transaction(domain) as connection:
        connection.execute("SELECT FROM outbox LIMIT 1")


def _ask_kafka() -> None:
    from kernel.messaging import brokers  # noqa: PLC0415 - 150 ms that the other probes need not wait for

    brokers.check()


def _ask_redis() -> None:
    import redis  # noqa: PLC0415 - 120 ms that the other probes need not wait for

    timeouts = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    with redis.Redis.from_url(settings.text("REDIS_URL"), **timeouts) as client:
        client.ping()
