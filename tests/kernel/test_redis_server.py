"""A Redis that is down or slow costs a request little, and is used again when it is back."""

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from redis import Redis

from kernel.storage import breaker, redis_server


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No server is known yet."""
    redis_server.reset()
    yield
    redis_server.reset()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{listener.getsockname()[1]}")
        yield listener


def ping() -> bool:
    return bool(redis_server.run(lambda redis: redis.ping()))


def milliseconds() -> float:
    started = time.perf_counter()
    with pytest.raises(redis_server.DownError):
        ping()
    return (time.perf_counter() - started) * 1000


@pytest.mark.usefixtures("silent")
def test_a_silent_redis_costs_little_once_and_then_nothing() -> None:
    """The first request waits 50 ms, those of the next second do not ask at all; who insists asks."""
    with pytest.raises(redis_server.DownError):
        redis_server.run(lambda redis: redis.ping())  # which also imports the client
    redis_server.reset()
    assert 45 < milliseconds() < 500
    assert statistics.median(milliseconds() for _ in range(20)) < 5
    started = time.perf_counter()
    with pytest.raises(redis_server.DownError):
        redis_server.run(lambda redis: redis.ping(), insist=True)
    assert time.perf_counter() - started > 0.045


def test_a_redis_that_is_back_is_used_again(patient_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the breaker's second is over."""
    assert ping()
    with pytest.raises(redis_server.DownError):
        redis_server.run(lambda _: raise_(ConnectionResetError()))
    with pytest.raises(redis_server.DownError):
        ping()
    clock = time.monotonic() + redis_server.BREAKER_SECONDS
    monkeypatch.setattr(breaker, "time", SimpleNamespace(monotonic=lambda: clock))
    assert ping()


def test_a_connection_that_was_closed_while_idle_is_replaced(patient_redis: str) -> None:
    """As after a freeze of the environment: nobody notices."""
    number = redis_server.run(lambda client: client.client_id())
    with Redis.from_url(patient_redis) as admin:
        admin.client_kill_filter(_id=str(number))
    assert ping()


def test_without_an_address_redis_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a function that was given none."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(redis_server.DownError):
        ping()


def test_the_work_of_many_threads_is_done(patient_redis: str) -> None:
    """The client may be used by several at once."""
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(ping())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 8


def raise_(error: Exception) -> None:
    raise error
