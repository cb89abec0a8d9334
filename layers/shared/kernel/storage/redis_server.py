"""Redis, which may be down at any time: short timeouts, and a breaker.

Every value in it is dispensable, so every caller handles DownError.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel import settings
from kernel.storage.breaker import Breaker
from kernel.telemetry import logger

if TYPE_CHECKING:
    from redis import Redis

TIMEOUT_SECONDS = 0.05
BREAKER_SECONDS = 1.0


class DownError(Exception):
    """Redis did not answer in time, was down a moment ago, or there is none (REDIS_URL is not set, or unusable)."""


def run[T](work: Callable[["Redis"], T], *, insist: bool = False) -> T:
    """Return the result of *work* with the client. Raises DownError: for a second after a failure, without a try.

    *insist*: try even then.
    """
    url = settings.redis_url()
    if url is None:
        raise DownError
    server = _server(url)
    if server is None:
        raise DownError
    if server.breaker.is_open and not insist:
        raise DownError
    return server.run(work)


class _Server:
    def __init__(self, url: str) -> None:
        import redis  # noqa: PLC0415 - 50 ms that only a function's first request pays
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        # A connection that was closed while idle is replaced. A server that is too slow is not tried twice.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        options: dict[str, Any] = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
        # The client raises ValueError if another thread closes a connection while it is read.
        self.errors = (redis.RedisError, OSError, ValueError)
        self.client = redis.Redis.from_url(url, retry=retry, **options)
        # Sends nothing yet, but fails for an address with unknown options.
        pool = self.client.connection_pool
        pool.connection_class(**pool.connection_kwargs)
        self.breaker = Breaker(BREAKER_SECONDS)

    def run[T](self, work: Callable[["Redis"], T]) -> T:
        try:
            return work(self.client)
        except self.errors as error:
            self.breaker.record_failure()
            logger.warning("redis is down", extra={"error": type(error).__name__})
            raise DownError from error


# None: the address is unusable.
_servers: dict[str, _Server | None] = {}


def reset() -> None:
    """Close the connections and the breaker. The next command opens a new connection."""
    while _servers:
        if server := _servers.popitem()[1]:
            server.client.close()


def _server(url: str) -> _Server | None:
    if url not in _servers:
        reset()
        _servers.setdefault(url, _new_server(url))
    return _servers.get(url)


def _new_server(url: str) -> _Server | None:
    try:
        return _Server(url)
    except Exception as error:  # noqa: BLE001 - a wrong address is no reason to fail every request
        # Logs neither the address nor the error, which may quote it: it may contain a password.
        logger.error("REDIS_URL cannot be used: there is no cache and no rate limit", error=type(error).__name__)
        return None
