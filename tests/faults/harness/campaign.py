"""A run of many cases: how large they are, their seed, and what came out. The suite's own is the smallest."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from tests.faults.harness.case import Extent, Result

NAME = "fault-campaign"
PROPERTY = "fault"
# The suite repeats the same schedule. `./millrace faults` chooses another one each time.
SUITE_SEED = 11


class Row(NamedTuple):
    """One line of the table. The counts are None where a test asserts them and tells none."""

    case: str
    passed: bool
    seconds: float
    seed: int | None = None
    events: int | None = None
    lost: int | None = None
    doubled: int | None = None
    inverted: int | None = None
    wrongly_dead: int | None = None
    recovery: float | None = None
    figures: str = ""
    skipped: str = ""


@dataclass
class Campaign:
    """A pytest plugin, too: it collects the rows of the tests that pytest runs.

    *proofs*: the cases that tests elsewhere prove, by the test's node.
    *show*: called with each row.
    """

    extent: Extent = Extent.QUICK
    seed: int = SUITE_SEED
    proofs: dict[str, str] = field(default_factory=dict)
    show: Callable[[Row], object] = lambda _: None
    rows: list[Row] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _proved: dict[str, list[pytest.TestReport]] = field(default_factory=dict)

    def measured(self, case: str, result: Result) -> dict[str, object]:
        """Return what a test notes about its case."""
        verdict = result.verdict
        return {
            "case": case,
            "seed": self.seed,
            "events": result.events,
            "lost": len(verdict.lost),
            "doubled": len(verdict.doubled),
            "inverted": len(verdict.inverted) + len(verdict.wire_inverted),
            "wrongly_dead": len(verdict.wrongly_dead),
            "recovery": round(result.recovery, 1),
            "figures": "; ".join(f"{name}: {value}" for name, value in result.figures.items()),
        }

    # pytest's hook
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the row of a case when its test has ended, or of a proof when all of its tests have."""
        if report.when == "call" or report.outcome != "passed":
            self._note(report)

    def _note(self, report: pytest.TestReport) -> None:
        noted = dict(report.user_properties).get(PROPERTY)
        passed, reason = report.outcome == "passed", ""
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2]
        if isinstance(noted, dict):
            self._add(Row(passed=passed, seconds=report.duration, **noted))
        elif "test_cases.py" in report.nodeid:
            name = report.nodeid.partition("[")[2].removesuffix("]")
            self._add(Row(name, passed, report.duration, seed=self.seed, skipped=reason))

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        self.show(row)


def campaign_of(config: pytest.Config) -> Campaign:
    """Return the campaign that pytest runs for, or the suite's."""
    found = config.pluginmanager.get_plugin(NAME)
    return found if isinstance(found, Campaign) else Campaign()
