"""What slows a long command down, or stops it. Rules alone: they know numbers, and no server and no clock."""

import re
from dataclasses import dataclass

from kernel.errors import FieldProblem, refuse_fields
from operations.commands import LongChange

# A single failure among the first few says little about the rest.
LEAST_COUNTED = 100
MOST_PER_SECOND = 100_000
# How the rate follows consumers that are slower than they may be, and that are not: it begins low, and rises.
FIRST_PER_SECOND, LEAST_PER_SECOND = 100.0, 1.0
SLOWER, FASTER = 0.5, 1.25
# What is assumed of a command without a rate, for its expected duration.
USUAL_PER_SECOND = 2_000.0


@dataclass(frozen=True, slots=True)
class Brakes:
    """The limits of one command. Shares are between 0 and 1.

    *rate*: records a second; None for no limit.
    *canary*: how many records are published first; None for no canary.
    *min_success*: which share of the canary must succeed.
    *most_failures*: which share of what was published may fail; None for any.
    *slowdown*: how many times their earlier duration live consumers may take; None for any.
    """

    rate: float | None
    canary: int | None
    min_success: float
    most_failures: float | None
    slowdown: float | None

    @classmethod
    def of(cls, command: LongChange) -> "Brakes":
        """Return the brakes of *command*. Raises InvalidError that names every option that is not usable."""
        problems: list[FieldProblem] = []
        found = cls(
            rate=_number("rate", command.rate, "/s", MOST_PER_SECOND, problems),
            canary=command.canary,
            min_success=(_number("min_success", command.min_success, "%", 100, problems) or 100) / 100,
            most_failures=_share("stop_on_failures", command.stop_on_failures, problems),
            slowdown=_number("live_p99", command.live_p99, "x", 100, problems),
        )
        if command.min_success is not None and command.canary is None:
            problems.append(FieldProblem("min_success", "is of the canary: give --canary too"))
        if found.slowdown is not None and found.slowdown < 1:
            problems.append(FieldProblem("live_p99", "must be at least 1x"))
        refuse_fields(problems)
        return found

    def expected_seconds(self, count: int) -> float:
        """Return how long *count* records take to publish, without the wait for a canary."""
        return round(count / (self.rate or USUAL_PER_SECOND), 1)

    def explain_failures(self, published: int, failed: int) -> str | None:
        """Return why *failed* of *published* records are too many, or None if they are not."""
        counted = max(published, LEAST_COUNTED)
        if self.most_failures is None or failed <= self.most_failures * counted:
            return None
        return f"{failed} of {published} failed again, which is more than {self.most_failures:.2%} of {counted}"

    def explain_canary(self, published: int, failed: int) -> str | None:
        """Return why the canary failed, or None if enough of it succeeded."""
        success = (published - failed) / published if published else 1.0
        if success >= self.min_success:
            return None
        return f"only {published - failed} of the canary's {published} succeeded, and {self.min_success:.2%} must"

    def first_rate(self) -> float | None:
        """Return how many records a second to begin with. Returns None for no limit."""
        if self.slowdown is None:
            return self.rate
        return FIRST_PER_SECOND if self.rate is None else min(self.rate, FIRST_PER_SECOND)

    def next_rate(self, rate: float | None, p99: float | None, usual_p99: float | None) -> float | None:
        """Return the rate that suits live consumers, in records a second; None for no limit.

        *rate*: the present one.
        *p99*, *usual_p99*: durations of their batches now, and before the command; None where no batch is known of.
        """
        if self.slowdown is None or rate is None:
            return self.rate
        if usual_p99 and not p99:
            # Records were published, so there are batches. Nobody knows yet what they took.
            return rate
        if usual_p99 and p99 and p99 > self.slowdown * usual_p99:
            return max(LEAST_PER_SECOND, rate * SLOWER)
        return min(rate * FASTER, self.rate or MOST_PER_SECOND)


def _share(name: str, text: str | None, problems: list[FieldProblem]) -> float | None:
    if text == "0%":
        return 0.0
    percent = _number(name, text, "%", 100, problems)
    return None if percent is None else percent / 100


def _number(name: str, text: str | None, unit: str, most: float, problems: list[FieldProblem]) -> float | None:
    """Return the number before *unit*. Adds a problem if *text* is none, or not above 0 and at most *most*."""
    if text is None:
        return None
    found = re.fullmatch(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,6}})?){re.escape(unit)}", text)
    number = float(found[1]) if found else 0.0
    if not 0 < number <= most:
        problems.append(
            FieldProblem(name, f"must be a number above 0 and at most {most:g}, with its unit: e.g. 1{unit}")
        )
        return None
    return number
