"""When faults happen: by the number of attempts that clients have made, not by time.

The same seed gives the same schedule, so a case that failed is repeated with its seed.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

type Action = Callable[[], object]

# No fault before there is something to lose, and none when there is nothing more to come.
EARLIEST, LATEST = 0.1, 0.8


@dataclass(frozen=True)
class Step:
    """*at*: the number of attempts before which it happens. *heals*: whether clients need not wait for it."""

    at: int
    action: Action
    heals: bool = False


@dataclass(frozen=True)
class Fault:
    """What is done to the system.

    *heal*: undoes it. None if the system has to recover by itself.
    *lasts*: for how many attempts at most, where each of them takes seconds meanwhile.
    """

    inject: Action
    heal: Action | None = None
    lasts: int | None = None


def plan(seed: int, attempts: int, faults: Sequence[Fault]) -> list[Step]:
    """Return when each of *faults* happens and is healed, at random places among *attempts*.

    One is healed before the next one happens.
    """
    chosen = random.Random(seed)  # noqa: S311 - a schedule is no secret
    count = 2 * len(faults)
    places = sorted(chosen.sample(range(int(attempts * EARLIEST), int(attempts * LATEST) + count), count))
    steps = []
    for number, fault in enumerate(faults):
        steps.append(Step(places[2 * number], fault.inject))
        if fault.heal:
            end = places[2 * number + 1]
            steps.append(Step(min(end, places[2 * number] + (fault.lasts or end)), fault.heal, heals=True))
    return steps


class Schedule:
    """Takes the steps in their sequence, in a thread of its own, while clients count their attempts.

    A client waits until each fault that is due has happened. It does not wait for what heals.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self._attempts = 0
        self._taken = 0
        self._is_over = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._take_all, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the steps that are left, as what was broken has to be healed. Raises what a step raised."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join()
        if self._error:
            raise self._error

    @property
    def attempts(self) -> int:
        return self._attempts

    def count_attempt(self) -> None:
        """Count an attempt that is about to be made, once the faults that come before it have happened."""
        with self._changed:
            self._attempts += 1
            own = self._attempts
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error or not self._is_due(own))

    def _is_due(self, attempt: int) -> bool:
        return any(step.at < attempt and not step.heals for step in self._steps[self._taken :])

    def _is_reached(self, step: Step) -> bool:
        return self._is_over or self._attempts > step.at

    def _take_all(self) -> None:
        try:
            for step in self._steps:
                with self._changed:
                    self._changed.wait_for(partial(self._is_reached, step))
                step.action()
                with self._changed:
                    self._taken += 1
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised again where the schedule ends
            with self._changed:
                self._error = error
                self._changed.notify_all()
