"""Cache-aside in Redis: values that are read often are cached, and invalidated when they change.

On a miss one caller gets the *lease* to load and store the value. Others wait a moment for it, so that a popular key
does not cause a stampede. A writer deletes the value and the lease before and after its transaction. Neither a
concurrent reader nor a crash in between can leave a stale value in the cache.

While Redis is down, every value is loaded directly. A change that could not be invalidated becomes visible when the
value expires.
"""

import contextlib
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import msgspec

from kernel.storage import redis_server

LEASE_MILLISECONDS = 2_000
PATIENCE_SECONDS = 0.2
POLL_SECONDS = 0.01

# KEYS: value, lease. ARGV: our token, the lease's milliseconds. Returns the value, 1 = we load it, 0 = another does.
GET_OR_LEASE = """
local value = redis.call('GET', KEYS[1])
if value then return value end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
# KEYS: value, lease. ARGV: our token, the value ('' = store none), its milliseconds.
STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
# KEYS: value, lease. ARGV: the lease's milliseconds. Until the lease ends, no value is stored.
BLOCK = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '', 'PX', ARGV[1])
"""
ABSENT = b"null"

_postponed: ContextVar[list[Callable[[], None]] | None] = ContextVar("postponed", default=None)


class Cache[T]:
    """Caches values of *kind* under *name*, each for about *seconds*: a random tenth less, so that they expire apart.

    *remember_absent*: also cache "not found". Safe only if creating the object invalidates its key.
    """

    def __init__(self, name: str, kind: type[T], seconds: float, *, remember_absent: bool = False) -> None:
        self.name = name
        self.seconds = seconds
        self.remember_absent = remember_absent
        self._decoder = msgspec.json.Decoder(kind)

    def get_or_load(self, key: object, load: Callable[[], T | None]) -> T | None:
        """Return the cached value, or the result of *load*. Passes on the errors of *load*, and none of Redis."""
        token = secrets.token_hex(8)
        try:
            found = self._get_or_lease(key, token)
        except redis_server.DownError:
            return load()
        if isinstance(found, bytes):
            with contextlib.suppress(msgspec.DecodeError):
                return None if found == ABSENT else self._decoder.decode(found)
            # Undecodable: another version of this code wrote it.
            self.invalidate(key)
        return self._load_and_store(key, token, load) if found == 1 else load()

    def invalidate(self, key: object) -> None:
        """Delete the value, after its change has committed. Within `postponed`, at its end. `changing` is safer."""
        postponed = _postponed.get()
        if postponed is not None:
            postponed.append(lambda: self._delete(key))
        else:
            self._delete(key)

    def block(self, key: object) -> None:
        """Delete the value before it changes, and prevent any from being stored until `invalidate`, or for 2 s."""
        with contextlib.suppress(redis_server.DownError):
            redis_server.run(lambda redis: redis.eval(BLOCK, 2, *self._keys(key), LEASE_MILLISECONDS))

    @contextlib.contextmanager
    def changing(self, key: object) -> Iterator[None]:
        """Invalidate the value before and after the block, which is the transaction that changes it.

        Also when the block raises: after a commit whose answer was lost it is unknown whether it took place.
        """
        self.block(key)
        try:
            yield
        finally:
            self.invalidate(key)

    def _get_or_lease(self, key: object, token: str) -> object:
        """Return the encoded value, 1 if we have the lease, or 0 if another's load takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found: object = redis_server.run(
                lambda redis: redis.eval(GET_OR_LEASE, 2, *self._keys(key), token, LEASE_MILLISECONDS)
            )
            if found != 0 or time.monotonic() > deadline:
                return found
            time.sleep(POLL_SECONDS)

    def _load_and_store(self, key: object, token: str, load: Callable[[], T | None]) -> T | None:
        encoded = b""
        try:
            value = load()
            if value is not None or self.remember_absent:
                encoded = msgspec.json.encode(value)
        finally:
            self._store(key, token, encoded)
        return value

    def _store(self, key: object, token: str, encoded: bytes) -> None:
        milliseconds = round(self.seconds * random.uniform(900, 1000))  # noqa: S311 - not a secret
        with contextlib.suppress(redis_server.DownError):
            redis_server.run(lambda redis: redis.eval(STORE, 2, *self._keys(key), token, encoded, milliseconds))

    def _delete(self, key: object) -> None:
        with contextlib.suppress(redis_server.DownError):
            redis_server.run(lambda redis: redis.delete(*self._keys(key)), insist=True)

    def _keys(self, key: object) -> tuple[str, str]:
        # A Redis cluster hashes the part in braces, so both keys are on one node.
        return f"cache:{{{self.name}:{key}}}", f"lease:{{{self.name}:{key}}}"


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Postpone invalidations to the end of the block, which is a transaction around other transactions."""
    invalidations: list[Callable[[], None]] = []
    before = _postponed.set(invalidations)
    try:
        yield
    finally:
        _postponed.reset(before)
        for invalidate in invalidations:
            invalidate()
