"""All that the local Stripe remembers, in one file: it changes whole or not at all.

The objects, the answers kept under idempotency keys and the events not yet delivered are written together, once per
request and before its answer is sent. So no key is remembered whose effect is lost, and no effect whose key is lost:
a request that a crash cut short has either happened with its key, or not at all. The file survives a killed process;
it is not synced to the disk, so a machine that loses its power may lose the last requests, effects and keys alike.
"""

import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path

from localstripe.resources import Store, store

ANSWERS_KEPT_SECONDS = 24 * 3600  # as Stripe does


@dataclass(frozen=True)
class Answer:
    """What was answered to the first request with an idempotency key; *request* tells whether another is the same."""

    request: str
    status: int
    body: bytes
    at: float


@dataclass
class State:
    path: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    undelivered: set[tuple[str, str]] = field(default_factory=set)
    """Ids of a webhook endpoint and of an event that it has not taken yet."""

    def load(self) -> None:
        """Go back to what was saved last."""
        objects: dict[str, object] = {}
        self.answers, self.undelivered = {}, set()
        if self.path.exists():
            objects, self.answers, self.undelivered = pickle.loads(self.path.read_bytes())  # noqa: S301 - our own file
        dict.clear(store)
        dict.update(store, objects)

    def save(self) -> None:
        since = time.time() - ANSWERS_KEPT_SECONDS
        self.answers = {key: answer for key, answer in self.answers.items() if answer.at > since}
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_bytes(pickle.dumps((dict(store), self.answers, self.undelivered)))
        unfinished.replace(self.path)

    def clear(self) -> None:
        dict.clear(store)
        self.answers.clear()
        self.undelivered.clear()


def keep_localstripe_from_saving() -> None:
    """It writes to a file in /tmp that all would share, at every step and even a half made object."""
    Store.dump_to_disk = lambda _: None
