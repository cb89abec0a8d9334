"""CONTRIBUTING.md leads to an endpoint and a consumer: its steps are followed in a copy of the project.

A step names a file in bold. Its block is the whole file ("new"), goes "above" or "below" a line, or at the end.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from millrace_local.instance import ROOT, TOOLS
from tests.kit.servers import starts_server

STEP = re.compile(r"^\d+\. \*\*`(?P<file>[^`]+)`\*\*(?P<rest>.*?)(?=^\d+\. |^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^   ```\w+\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)
BESIDE = re.compile(r", (?P<side>above|below) `(?P<anchor>[^`]+)`")


def steps() -> list[tuple[str, str, str]]:
    """Return each step that has a block: the file, what is said behind it, and the block."""
    found: list[tuple[str, str, str]] = []
    for step in STEP.finditer((ROOT / "CONTRIBUTING.md").read_text()):
        found += [(step["file"], step["rest"], textwrap.dedent(block)) for block in BLOCK.findall(step["rest"])]
    return found


def follow(project: Path, file: str, where: str, block: str) -> None:
    path = project / file
    if where.startswith(", new"):
        assert not path.exists(), f"{file} is there already"
        path.write_text(block)
    elif beside := BESIDE.match(where):
        path.write_text(_inserted(path.read_text(), beside["anchor"], block, is_above=beside["side"] == "above"))
    else:
        path.write_text(f"{path.read_text()}\n\n{block}")


def _inserted(text: str, anchor: str, block: str, *, is_above: bool) -> str:
    """Return *text* with *block* above or below the first line that contains *anchor*, indented as that line is."""
    lines = text.splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if anchor in line)
    indent = lines[place][: -len(lines[place].lstrip())]
    # A stanza is followed by an empty line, as all of them are.
    added = textwrap.indent(f"{block}\n" if "\n  " in block else block, indent)
    place += 0 if is_above else 1
    return "".join([*lines[:place], added, *lines[place:]])


@pytest.fixture(scope="module")
@starts_server
def project() -> Iterator[Path]:
    """A copy of the project in which the steps were followed; the environments are those of the project."""
    # Not below a temporary folder that only root may enter: Postgres, as another user, must find its programs.
    home = TOOLS / "contributing"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT, home, ignore=shutil.ignore_patterns(".*", "__pycache__", "benchmarks"))
    (home / ".millrace").symlink_to(TOOLS)
    for file, where, block in steps():
        follow(home, file, where, block)
    run(home, "-m", "tools.api_documents")
    yield home
    shutil.rmtree(home)


def run(project: Path, *arguments: str) -> None:
    path = os.pathsep.join(str(project / each) for each in ("functions", "layers/shared", "localstack", "."))
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(arguments)}\n{ran.stdout}\n{ran.stderr}"


def test_what_the_steps_make_is_complete(project: Path) -> None:
    """Layout, imports, template and the API's document have nothing to say about it."""
    files = [f"tests/{name}.py" for name in ("test_layout", "test_imports", "test_template", "test_openapi")]
    # The two functions, and what is said of all of them.
    mine = "BlogsCountBlogs or NotesOnBlogEvents or count_blogs or on_blog_events or kept_document or handler_once or topic or consumer or preflight"
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", mine)


def test_what_the_steps_make_passes_the_checks_of_style_and_types(project: Path) -> None:
    """The blocks can be copied as they are."""
    made = [file for file, _, _ in steps() if file.endswith(".py")]
    for check in (("check",), ("format", "--check")):
        run(project, "-m", "ruff", *check, "--no-cache", *made)
    run(project, "-m", "mypy", "--cache-dir", os.devnull, *made)


def test_what_the_steps_make_works(project: Path) -> None:
    """Its own tests pass, on a real Postgres and Redis."""
    tests = [file for file, _, _ in steps() if file.startswith("tests/")]
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
