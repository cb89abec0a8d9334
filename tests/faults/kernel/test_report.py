"""The table of docs/reliability.md, and how rows come to be."""

from pathlib import Path

import pytest

from tests.faults.cases.declared import CASES
from tests.faults.cases.matrix import ABSENT, PARTIAL, PROOFS
from tests.faults.harness import report
from tests.faults.harness.campaign import Row
from tests.faults.harness.case import Extent
from tools import faults

MEASURED = Row("10 twice", True, 3.0, "100 commands", 11, 100, 0, 0, 0, 0, 1.5, "repeats: 20")  # noqa: FBT003 - a row
ASSERTED = Row("9 thrice", False, 1.0, "the suite's test")  # noqa: FBT003 - a row
SKIPPED = Row("31 disk full", True, 0.0, skipped="needs root")  # noqa: FBT003 - a row


def test_the_document_has_exactly_the_declared_cases() -> None:
    """The table is that of the last whole run: a new case comes with a new one."""
    names = report.names(report.DOCUMENT.read_text())

    assert sorted(names) == sorted([*(case.name for case in CASES), *(proof.name for proof in PROOFS)])


def test_the_document_says_which_rows_have_no_case_and_what_cannot_occur() -> None:
    """In the words of the declared list."""
    text = report.DOCUMENT.read_text()

    assert all(f"\n- {row}: {why}\n" in text for row, why in (ABSENT | PARTIAL).items())


def test_a_table_has_a_line_for_each_row_in_the_matrix_sequence() -> None:
    """What is not told is a hyphen, what failed is said loudly, and what was not run has its reason."""
    lines = report.table([MEASURED, SKIPPED, ASSERTED]).splitlines()[2:]

    assert lines == [
        "| 9 thrice | the suite's test | - | - | - | - | - | - | - | **no** |",
        "| 10 twice | 100 commands | 11 | 100 | 0 | 0 | 0 | 0 | 1.5 | yes |",
        "| 31 disk full |  | - | - | - | - | - | - | - | not run: needs root |",
    ]
    assert report.figures([MEASURED, ASSERTED]) == "- 10 twice: repeats: 20.\n"


def test_a_table_replaces_the_one_before(tmp_path: Path) -> None:
    """What is around the markers stays."""
    file = tmp_path / "document.md"
    file.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")

    report.write(report.table([MEASURED]), file)

    assert report.names(file.read_text()) == ["10 twice"]
    assert file.read_text().startswith("before\n")
    assert file.read_text().endswith("\nafter\n")
    assert "old" not in file.read_text()


def test_the_smallest_extent_is_what_runs_on_the_rig() -> None:
    """The others have every case and every proof."""
    cases, proofs = faults.select(Extent.QUICK, [])
    everything, all_proofs = faults.select(Extent.ALL, [])

    assert cases == [case for case in CASES if case.quick]
    assert proofs == []
    assert (everything, all_proofs) == (list(CASES), list(PROOFS))


def test_a_run_that_was_ended_goes_on_with_what_has_no_row_yet(tmp_path: Path) -> None:
    """Rows are kept as they come, and what failed is repeated; without --resume a run starts over."""
    file = tmp_path / "rows"
    kept = faults.Kept(file, resume=False)
    kept.add(MEASURED)
    kept.add(ASSERTED)

    assert faults.Kept(file, resume=True).rows == [MEASURED]
    cases, proofs = faults.select(Extent.ALL, ["4"], {"4 relay killed anywhere"})
    assert "4 relay killed anywhere" not in {case.name for case in cases}
    assert {case.row for case in cases} | {proof.row for proof in proofs} == {4}
    assert faults.Kept(file, resume=False).rows == []


@pytest.mark.parametrize(
    ("wanted", "rows"), [(["8"], {8}), (["8", "9"], {8, 9}), (["four relays"], {26}), (["x!"], set())]
)
def test_cases_are_chosen_by_row_or_words(wanted: list[str], rows: set[int]) -> None:
    """8 is not 18."""
    cases, proofs = faults.select(Extent.ALL, wanted)

    assert {case.row for case in cases} | {proof.row for proof in proofs} == rows
