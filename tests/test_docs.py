"""The documents keep their promises: what they name exists, and every decision is complete and in the index."""

import functools
import re
from pathlib import Path, PurePosixPath

import pytest

from millrace_local.instance import ROOT

DECISIONS = ROOT / "docs" / "decisions"
INDEX = DECISIONS / "README.md"
RECORDS = sorted(path for path in DECISIONS.glob("*.md") if path != INDEX)
DATE_AND_STATUS = re.compile(
    r"^Date: (?P<date>\d{4}-\d{2}-\d{2})\. Status: (?P<status>Accepted|Superseded by \[\d{4}\])", re.MULTILINE
)
SECTIONS = ("What", "Why", "Alternatives", "How to undo")

# A superseded decision tells of the past, and so do the changes of earlier releases.
HISTORIC = {path for path in RECORDS if "Status: Superseded" in path.read_text()}
DOCUMENTS = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("localstack/*/*.md")}
    - HISTORIC
)
# Made when they are needed, and so not in the repository.
MADE = (".millrace", ".aws-sam")
PACKAGES = {"kernel", "local_stripe", "millrace_local", "millrace_plugin", "tests", "tools"}
FOLDERS = {"docs", "functions", "infra", "layers", "localstack", "requirements", *PACKAGES}
FILE = re.compile(r"[\w.-]+\.(py|md|sql|txt|in|ya?ml|toml|java|sha256)")
# A file that the reader is to write.
NEW = re.compile(r"\*\*`[^`\n]+`\*\*, new")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name[:4])
def test_a_decision_has_date_status_reasons_and_alternatives(record: Path) -> None:
    """Who would like to decide otherwise finds out when it was decided, whether it holds, and what else was considered."""
    text = record.read_text()

    assert re.match(rf"# {record.name[:4]} — \S", text)
    assert DATE_AND_STATUS.search(text)
    for section in SECTIONS:
        assert re.search(rf"^## {section}\n\n\S", text, re.MULTILINE), section


def test_every_decision_has_a_number_of_its_own() -> None:
    """So that `decision 0014` in the code is one of them."""
    numbers = [path.name[:4] for path in RECORDS]

    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name) for path in RECORDS)


def test_the_index_lists_every_decision_as_it_is() -> None:
    """Its number, file, title, date and status."""
    lines = [line for line in INDEX.read_text().splitlines() if line.startswith("| [")]

    assert sorted(lines) == sorted(map(_line, RECORDS))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_path_in_a_document_exists(document: Path) -> None:
    """In backticks (files, folders, modules) or as a link: a move takes its mentions with it."""
    text = NEW.sub("", document.read_text())
    names = [name for name in re.findall(r"`([^`\n]+)`", text) if _is_a_path(name)]

    assert [name for name in names if not _exists(name)] == []
    assert [link for link in LINK.findall(text) if not (document.parent / link).exists()] == []


def test_a_decision_that_the_code_names_exists() -> None:
    """`decision 0014` in a comment leads somewhere."""
    numbers = {path.name[:4] for path in RECORDS}
    named = {
        number
        for folder in ("functions", "layers", "localstack", "tests", "tools", "infra")
        for path in (ROOT / folder).rglob("*.py")
        for number in re.findall(r"\bdecisions? (\d{4})\b", path.read_text())
    }

    assert named <= numbers


def _line(record: Path) -> str:
    text = record.read_text()
    title = text.partition("\n")[0].partition(" — ")[2]
    said = DATE_AND_STATUS.search(text)
    assert said, record
    status = said["status"].replace("[", "").replace("]", "")
    return f"| [{record.name[:4]}]({record.name}) | {title} | {said['date']} | {status} |"


def _is_a_path(name: str) -> bool:
    """Whether *name* means a file, a folder or a module of the repository, and not a pattern, an address or a value."""
    if re.search(r"[\s<>{}$…*=()|:@]", name) or name.startswith("/"):
        return False
    parts = PurePosixPath(name).parts
    if parts[0] in MADE:
        return False
    is_module = re.fullmatch(r"(\w+\.)+\w+", name) is not None and name.partition(".")[0] in PACKAGES
    return is_module or (len(parts) > 1 and parts[0] in FOLDERS) or FILE.fullmatch(parts[-1]) is not None


def _exists(name: str) -> bool:
    """Whether a path that ends in *name* is in the repository, or *name* is a module or a name in one."""
    name = name.removeprefix("./").rstrip("/")
    module, _, member = name.rpartition(".")
    is_there = _found(name) or _found(name.replace(".", "/")) or _found(_file(name))
    return bool(is_there or any(member in path.read_text() for path in _found(_file(module))))


def _found(name: str) -> list[Path]:
    return [ROOT / path for path in _paths() if f"/{path}".endswith(f"/{name}")]


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


@functools.cache
def _paths() -> list[str]:
    """Every file and folder, without what is hidden, except .github."""
    found: list[str] = []
    for folder, folders, files in ROOT.walk():
        folders[:] = [name for name in folders if not name.startswith(".") or name == ".github"]
        found += [(folder / name).relative_to(ROOT).as_posix() for name in (*folders, *files)]
    return found
