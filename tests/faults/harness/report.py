"""The table of a campaign, and its place in docs/reliability.md."""

from collections.abc import Iterable
from pathlib import Path

from millrace_local.instance import ROOT
from tests.faults.harness.campaign import Row

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
HEAD = """\
| case | size | seed | events | lost | doubled | inverted | wrongly dead-lettered | recovery, s | passed |
|---|---|---|---|---|---|---|---|---|---|
"""


def table(rows: Iterable[Row]) -> str:
    """Return the rows as Markdown, sorted by the matrix's."""
    return HEAD + "".join(map(_line, sorted(rows, key=lambda row: int(row.case.split()[0]))))


def figures(rows: Iterable[Row]) -> str:
    """Return what was measured besides, a line for each case that has something."""
    several = sorted((row for row in rows if row.figures), key=lambda row: int(row.case.split()[0]))
    return "".join(f"- {row.case}: {row.figures}.\n" for row in several)


def names(document: str) -> list[str]:
    """Return the names of the cases in the document's table."""
    lines = _between(document).splitlines()
    return [line.split("|")[1].strip() for line in lines if line.startswith("| ") and line[2].isdigit()]


def write(content: str, path: Path = DOCUMENT) -> None:
    """Replace what is between the markers of the document."""
    document = path.read_text()
    before, after = document.split(BEGIN)[0], document.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{content}\n{END}{after}")


def _between(document: str) -> str:
    return document.split(BEGIN)[1].split(END, maxsplit=1)[0]


def _line(row: Row) -> str:
    passed = f"not run: {row.skipped}" if row.skipped else "yes" if row.passed else "**no**"
    numbers = (row.lost, row.doubled, row.inverted, row.wrongly_dead, row.recovery)
    texts = ["-" if number is None else str(number) for number in (row.seed, row.events, *numbers)]
    return f"| {row.case} | {row.size} | {' | '.join(texts)} | {passed} |\n"
