"""The work during which faults happen: clients that each send the commands of their keys one after the other."""

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple
from uuid import uuid4

from millrace_plugin.kafka_trigger.invoker import NotInvokedError
from tests.faults.harness.functions import Pool
from tests.faults.harness.history import Command
from tests.faults.harness.schedule import Schedule
from tests.kit.lambda_events import request
from tests.kit.servers import wait_until

CLIENTS = 2
KEYS_PER_CLIENT = 6
# A command that is not acknowledged after so long is given up: nobody knows whether it was executed.
PATIENCE_SECONDS = 90


class Attempt(NamedTuple):
    """*status*: of the response, 0 for an invocation that failed. *began*: in seconds since 1970.

    *says_when*: whether the response has `Retry-After`.
    """

    command: str
    began: float
    seconds: float
    status: int
    says_when: bool


@dataclass
class Workload:
    """*hot*: which part of the commands is for one key. *padding*: how many characters each event has besides.

    *under_way*: how many attempts have begun and not ended.
    *is_given_up*: whether clients stop in the middle, as one of them failed or somebody pressed Ctrl-C.
    """

    seed: int
    prefix: str
    commands: int
    hot: float = 0.0
    padding: int = 0
    sent: list[Command] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    ended: float = 0.0
    under_way: int = 0
    is_given_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, pool: Pool, schedule: Schedule) -> None:
        """Send all commands through the function of *pool*, each until it is acknowledged."""
        shares = [self.commands // CLIENTS + (number < self.commands % CLIENTS) for number in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(self._work, pool, schedule, *each) for each in enumerate(shares)]
            try:
                for each in clients:
                    each.result()
            except BaseException:
                self.is_given_up = True
                raise
        self.ended = time.time()

    def wait_until_idle(self) -> None:
        """Wait until no attempt is under way. Further ones wait meanwhile, if a fault is happening."""
        wait_until(lambda: self.under_way == 0, what="no request to be under way")

    def latencies(self, begin: float, end: float) -> list[float]:
        """Return how long the attempts took that began between two moments (seconds since 1970), sorted."""
        return sorted(each.seconds for each in self.attempts if begin <= each.began < end)

    def _work(self, pool: Pool, schedule: Schedule, client: int, commands: int) -> None:
        chosen = random.Random(f"{self.seed} {client}")  # noqa: S311 - repeatable
        sequences = [0] * KEYS_PER_CLIENT
        for number in range(commands):
            # The hot key is the first client's: one client sends the commands of a key, in their sequence.
            is_hot = client == 0 and chosen.random() < self.hot * CLIENTS
            key = 0 if is_hot else number % KEYS_PER_CLIENT
            id_ = str(uuid4())
            account = f"{self.prefix}-{client}-{key}"
            acknowledged = self._send(pool, schedule, id_, account, sequences[key])
            with self._lock:
                self.sent.append(Command(id_, account, sequences[key], acknowledged))
            sequences[key] += 1

    def _send(self, pool: Pool, schedule: Schedule, id_: str, account: str, sequence: int) -> bool:
        """Send one command until it is acknowledged, always under the same Idempotency-Key."""
        body = {"id": id_, "account": account, "sequence": sequence, "padding": "x" * self.padding}
        payload = json.dumps(request(body, headers={"Idempotency-Key": id_})).encode()

        def is_acknowledged() -> bool:
            if self.is_given_up:
                raise RuntimeError("the run was ended")
            schedule.count_attempt()
            with self._lock:
                self.under_way += 1
            began, clock = time.time(), time.monotonic()
            status, says_when = _status(pool, payload)
            with self._lock:
                self.under_way -= 1
                self.attempts.append(Attempt(id_, began, time.monotonic() - clock, status, says_when))
            if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
                message = f"{status} is no answer to a command of a client"
                raise RuntimeError(message)
            return status == HTTPStatus.OK

        return _is_reached(is_acknowledged)


def _status(pool: Pool, payload: bytes) -> tuple[int, bool]:
    try:
        answer = pool.invoke(payload)
    except NotInvokedError:
        return 0, False
    if answer.function_error:
        return 0, False
    response = json.loads(answer.payload)
    return int(response["statusCode"]), "Retry-After" in response["headers"]


def _is_reached(condition: Callable[[], bool]) -> bool:
    try:
        wait_until(condition, seconds=PATIENCE_SECONDS)
    except AssertionError:
        return False
    return True
