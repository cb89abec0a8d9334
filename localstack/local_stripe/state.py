"""The state of the local Stripe, in one file that is replaced in one step.

Objects, answers under idempotency keys and undelivered events are written together, once per request and before its
answer is sent. So a crash loses either both the effect of a request and its key, or neither. The file survives a killed
process. It is not synced to the disk: after a power failure the last requests may be lost, again with their keys.
"""

import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path

from localstripe.resources import Store, store

ANSWERS_KEPT_SECONDS = 24 * 3600  # as Stripe does


@dataclass(frozen=True)
class Answer:
    """The answer to the first request with an idempotency key. *request*: the fingerprint of that request."""

    request: str
    status: int
    body: bytes
    at: float


@dataclass
class State:
    path: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    undelivered: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of a webhook endpoint and the id of an event that it has not accepted yet."""

    def load(self) -> None:
        """Load what was saved last, and discard what has changed since."""
        objects: dict[str, object] = {}
        self.answers, self.undelivered = {}, set()
        if self.path.exists():
            objects, self.answers, self.undelivered = pickle.loads(self.path.read_bytes())  # noqa: S301 - our own file
        dict.clear(store)
        dict.update(store, objects)

    def save(self) -> None:
        """Write everything, without answers that have expired."""
        since = time.time() - ANSWERS_KEPT_SECONDS
        self.answers = {key: answer for key, answer in self.answers.items() if answer.at > since}
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_bytes(pickle.dumps((dict(store), self.answers, self.undelivered)))
        unfinished.replace(self.path)

    def clear(self) -> None:
        dict.clear(store)
        self.answers.clear()
        self.undelivered.clear()


def disable_localstripes_file() -> None:
    """Keep localstripe from writing its own file: it is shared by all local clouds, and may have incomplete objects."""
    Store.dump_to_disk = lambda _: None
