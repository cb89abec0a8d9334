"""How reports of tests become rows: pytest tells of each test, and a case may have several."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from tests.faults.harness.campaign import PROPERTY, RIG, Campaign, Row

PROOFS = {"33 writers": ["tests/a.py::test_one"], "15 versions": ["tests/b.py"]}
WHERE = ("tests/a.py", 1, "one")


type Outcome = Literal["passed", "failed", "skipped"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "failed")


def report(
    node: str, outcome: Outcome = "passed", *properties: tuple[str, object], why: object = None
) -> pytest.TestReport:
    """The report of a test that took two seconds."""
    return pytest.TestReport(node, WHERE, {}, outcome, why, "call", duration=2.0, user_properties=list(properties))  # type: ignore[arg-type]


def rows(*reports: pytest.TestReport, others: Sequence[str] = ()) -> list[Row]:
    """What a campaign makes of the tests that were collected and of these reports. *others*: that have not ended."""
    campaign = Campaign(proofs=PROOFS)
    nodes = [*(each.nodeid for each in reports), *others]
    session: Any = SimpleNamespace(items=[SimpleNamespace(nodeid=node) for node in nodes])
    campaign.pytest_collection_finish(session)
    for each in reports:
        campaign.pytest_runtest_logreport(each)
    return campaign.rows


def test_a_case_of_the_rig_has_the_row_that_it_measured() -> None:
    measured = {"case": "9 thrice", "size": "10 commands", "seed": 1, "events": 10, "lost": 0, "recovery": 0.5}

    [row] = rows(report(f"{RIG}test_it[9 thrice]", "passed", (PROPERTY, measured)))

    assert row == Row("9 thrice", passed=True, seconds=2.0, size="10 commands", seed=1, events=10, lost=0, recovery=0.5)


def test_a_case_that_measured_nothing_has_failed() -> None:
    assert rows(report(f"{RIG}test_it[9 thrice]", "failed")) == [Row("9 thrice", passed=False, seconds=2.0)]


def test_a_proof_has_passed_when_all_of_its_tests_have() -> None:
    """What they count is added up; there is no row before the last one."""
    first = report("tests/b.py::test_one[x]", "passed", ("events", 5))
    second, bad = (report("tests/b.py::test_two", outcome, ("events", 6)) for outcome in OUTCOMES)

    assert rows(first, others=["tests/b.py::test_two"]) == []
    assert rows(first, second) == [Row("15 versions", True, 4.0, "2 of the suite's tests", events=11)]  # noqa: FBT003 - a row
    assert rows(first, bad)[0].passed is False


def test_a_proof_is_of_its_own_tests_only() -> None:
    """`test_one` is not `test_one_more`."""
    assert rows(report("tests/a.py::test_one_more")) == []
    assert [row.case for row in rows(report("tests/a.py::test_one[any]"))] == ["33 writers"]


def test_what_was_not_run_says_why() -> None:
    [row] = rows(report(f"{RIG}test_it[31 disk full]", "skipped", why=("file", 1, "Skipped: needs root")))

    assert row.skipped == "Skipped: needs root"
