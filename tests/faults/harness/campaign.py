"""A run of many cases: how large they are, their seed, and what came out. The suite's own is the smallest."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from tests.faults.harness.case import Case, Extent, Result
from tests.faults.harness.history import Verdict

NAME = "fault-campaign"
PROPERTY = "fault"
RIG = "tests/faults/kernel/test_cases.py::"
# The suite repeats the same schedules. `./millrace faults` chooses others each time.
SUITE_SEED = 11


class Row(NamedTuple):
    """One line of the table. A count is None where a test asserts it and tells no number."""

    case: str
    passed: bool
    seconds: float
    size: str = ""
    seed: int | None = None
    events: int | None = None
    lost: int | None = None
    doubled: int | None = None
    inverted: int | None = None
    wrongly_dead: int | None = None
    recovery: float | None = None
    figures: str = ""
    skipped: str = ""


@dataclass(eq=False)
class Campaign:
    """A pytest plugin, too: it makes rows of the tests that pytest runs.

    *proofs*: the tests that prove a case of another part of the suite, by the case's name.
    *show*: called with each row.
    """

    extent: Extent = Extent.QUICK
    seed: int = SUITE_SEED
    proofs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    show: Callable[[Row], object] = lambda _: None
    rows: list[Row] = field(default_factory=list)
    _expected: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _reports: dict[str, dict[str, pytest.TestReport]] = field(default_factory=lambda: defaultdict(dict))

    def measured(self, case: Case, result: Result) -> dict[str, object]:
        """Return what the test of a case notes of it."""
        size = case.size(self.extent)
        assert size is not None
        faults = f", {size.faults} fault{'s' if size.faults > 1 else ''}" if case.is_repeated else ""
        return {
            "case": case.name,
            "size": f"{size.commands:,} commands{faults}",
            "seed": self.seed,
            "events": result.events,
            **counts(result.verdict),
            "recovery": round(result.recovery, 1),
            "figures": "; ".join(f"{name}: {value}" for name, value in result.figures.items()),
        }

    # pytest's hook
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which tests each row waits for."""
        for item in session.items:
            for case in self._cases(item.nodeid):
                self._expected[case].add(item.nodeid)

    # pytest's hook
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the row of a case when all of its tests have ended."""
        if report.when != "call" and report.passed:
            return
        for case in self._cases(report.nodeid):
            ended = self._reports[case]
            ended.setdefault(report.nodeid, report)
            if set(ended) == self._expected[case]:
                self._add(_row(case, list(ended.values())))

    def _cases(self, node: str) -> list[str]:
        if node.startswith(RIG):
            return [node.partition("[")[2].removesuffix("]")]
        return [case for case, tests in self.proofs.items() if any(_is_of(node, test) for test in tests)]

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        self.show(row)


def counts(verdict: Verdict) -> dict[str, int]:
    """Return the numbers of violations that the table has a column for."""
    return {
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "inverted": len(verdict.inverted) + len(verdict.wire_inverted),
        "wrongly_dead": len(verdict.wrongly_dead),
    }


def campaign_of(config: pytest.Config) -> Campaign:
    """Return the campaign that pytest runs for, or the suite's."""
    found = config.pluginmanager.get_plugin(NAME)
    return found if isinstance(found, Campaign) else Campaign()


def _is_of(node: str, test: str) -> bool:
    return node == test or node.startswith((f"{test}::", f"{test}["))


def _row(case: str, reports: Sequence[pytest.TestReport]) -> Row:
    """Return the row of a case whose tests have ended. What several of them count is added up."""
    skipped = next((each.longrepr[2] for each in reports if each.skipped and isinstance(each.longrepr, tuple)), "")
    passed = all(each.passed for each in reports)
    seconds = sum(each.duration for each in reports)
    noted = [dict(each.user_properties) for each in reports]
    measured = next((each[PROPERTY] for each in noted if PROPERTY in each), None)
    if isinstance(measured, dict):
        return Row(case, passed, seconds, skipped=skipped)._replace(**{**measured, "case": case})
    told = [int(str(each["events"])) for each in noted if "events" in each]
    size = "the suite's test" if len(reports) == 1 else f"{len(reports)} of the suite's tests"
    if reports[0].nodeid.startswith(RIG):
        size = ""
    return Row(case, passed, seconds, size, events=sum(told) if told else None, skipped=skipped)
