"""Run the cases of the fault matrix, and write what came out into docs/reliability.md.

`./millrace faults [--all | --full] [--case N]… [--seed S] [--resume]` starts it in the development environment. Rows
are kept as they come, so that a run of an hour that was ended goes on with `--resume`, which repeats what failed.
"""

import argparse
import contextlib
import json
import random
import sys
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from millrace_local.instance import TOOLS
from tests.benchmarks import machine
from tests.faults.cases.declared import CASES
from tests.faults.cases.matrix import ABSENT, PARTIAL, PROOFS, Proof
from tests.faults.harness import campaign, report
from tests.faults.harness.campaign import RIG, Campaign, Row
from tests.faults.harness.case import Case, Extent

NONE = "None: each row has one.\n"
LOG = TOOLS / "faults.log"
# pytest writes to what standard output is while it runs.
console = Console(file=sys.stdout, highlight=False)


def main(arguments: Sequence[str]) -> int:
    """Return 0 if every case passed, 1 otherwise."""
    asked = parse(arguments)
    extent = Extent(asked.extent)
    kept = Kept(TOOLS / f"faults-{extent.value}.jsonl", resume=asked.resume)
    cases, proofs = select(extent, asked.case, {row.case for row in kept.rows})
    if asked.without_cloud:
        proofs = [proof for proof in proofs if not proof.needs_cloud]
    seed = asked.seed if asked.seed is not None else random.randrange(1_000_000)  # noqa: S311 - a schedule is no secret
    total = len(cases) + len(proofs)
    if not total and not kept.rows:
        console.print(f"No case is called {', '.join(asked.case)}. The cases: {', '.join(_names())}.")
        return 2
    progress = Progress(total)

    def show(row: Row) -> None:
        kept.add(row)
        progress.show(row)

    run = Campaign(extent, seed, {proof.name: proof.tests for proof in proofs}, show)
    console.print(f"{total} cases, seed {seed}, {machine.describe()}")
    tests = [*([RIG[:-2]] if cases else []), *(test for proof in proofs for test in proof.tests)]
    chosen = Chosen({case.name for case in cases})
    ended = 0
    if total:
        with LOG.open("a") as log, contextlib.redirect_stdout(log):
            ended = pytest.main(
                ["-v", "--timeout=3600", "-p", "no:cacheprovider", *tests], plugins=[Named(run), chosen]
            )
    failed = [row.case for row in kept.rows if not row.passed and not row.skipped]
    minutes = sum(row.seconds for row in kept.rows) / 60
    console.print(f"{len(kept.rows) - len(failed)} of {len(kept.rows)} cases passed in {minutes:.0f} minutes")
    for case in failed:
        console.print(f"[red]failed:[/] {case}", soft_wrap=True)
    if extent is not Extent.QUICK and {row.case for row in kept.rows} == set(_names()):
        report.write(document(extent, kept.rows, minutes))
        console.print(f"{report.DOCUMENT.name} has the table.")
    missing = total - len(run.rows)
    if missing:
        console.print(f"[red]{missing} cases have no result[/] (pytest ended with {int(ended)})")
    if failed or missing:
        console.print(f"Everything that was printed is in {LOG}.", soft_wrap=True)
    return int(bool(failed or missing))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./millrace faults")
    parser.add_argument("--extent", default=Extent.QUICK.value, choices=[each.value for each in Extent])
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--without-cloud", action="store_true")
    return parser.parse_args(arguments)


def select(
    extent: Extent, wanted: Sequence[str], ended: Container[str] = frozenset()
) -> tuple[list[Case], list[Proof]]:
    """Return the cases of an extent that are still to be run.

    *wanted*: numbers of rows, or words of names; none for all.
    *ended*: names of those that have a result.
    The smallest extent has what runs on the rig. What is asked for by name runs all the same.
    """
    cases = [case for case in CASES if case.size(extent) and is_wanted(case, wanted) and case.name not in ended]
    proofs = [proof for proof in PROOFS if is_wanted(proof, wanted) and proof.name not in ended]
    return cases, proofs if wanted or extent is not Extent.QUICK else []


def is_wanted(one: Case | Proof, wanted: Sequence[str]) -> bool:
    words = (str(one.row) == each if each.isdecimal() else each in one.name for each in wanted)
    return not wanted or any(words)


def document(extent: Extent, rows: Sequence[Row], minutes: float) -> str:
    """Return what stands in the document: when and where it was measured, the table, and other figures."""
    day = datetime.now(UTC).strftime("%-d %B %Y")
    option = f"`./millrace faults --{extent.value}`"
    where = f"Measured on {day} by {option} in {minutes:.0f} minutes, on {machine.describe()}."
    absent, partial = ("".join(f"- {row}: {why}\n" for row, why in each.items()) for each in (ABSENT, PARTIAL))
    return (
        f"\n{where}\n\n{report.table(rows)}\n"
        f"Rows without a case:\n\n{absent or NONE}\n"
        f"What of a row cannot occur here:\n\n{partial}\n"
        f"What the cases measured besides:\n\n{report.figures(rows)}"
    )


class Kept:
    """The rows of a run, in a file to which each is added as it comes."""

    def __init__(self, file: Path, *, resume: bool) -> None:
        self._file = file
        self.rows: list[Row] = []
        if resume and file.exists():
            several = [Row(*json.loads(line)) for line in file.read_text().splitlines()]
            self.rows = [row for row in several if row.passed]
        else:
            file.unlink(missing_ok=True)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        with self._file.open("a") as file:
            file.write(json.dumps(row) + "\n")


class Chosen:
    """A pytest plugin that leaves out the rig's cases that are not wanted."""

    def __init__(self, names: set[str]) -> None:
        self._nodes = {f"[{name}]" for name in names}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not item.nodeid.startswith(RIG) or self._is_chosen(item.nodeid)]

    def _is_chosen(self, node: str) -> bool:
        return any(node.endswith(name) for name in self._nodes)


class Named:
    """Register the campaign under the name by which tests find it."""

    def __init__(self, run: Campaign) -> None:
        self._run = run

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._run, campaign.NAME)


class Progress:
    """Print a line for each case that has ended."""

    def __init__(self, total: int) -> None:
        self._total, self._ended = total, 0

    def show(self, row: Row) -> None:
        self._ended += 1
        mark = "[yellow]-[/]" if row.skipped else "[green]✓[/]" if row.passed else "[red]✗[/]"
        numbers = f"{row.events} events, " if row.events is not None else ""
        recovery = f", recovered in {row.recovery} s" if row.recovery is not None else ""
        place = f"{self._ended}/{self._total}"
        console.print(
            f"{mark} {place:>6} {row.case}: {numbers}{row.seconds:.0f} s{recovery} {row.skipped}", soft_wrap=True
        )


def _names() -> list[str]:
    return [*(case.name for case in CASES), *(proof.name for proof in PROOFS)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
