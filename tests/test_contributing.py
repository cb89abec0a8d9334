"""CONTRIBUTING.md leads to an endpoint and a consumer: its steps are followed in a copy of the project.

A step names a file in bold. Its block is the whole file ("new"), or goes where the file is in order already.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from millrace_local.instance import ROOT

STEP = re.compile(r"^\d+\. \*\*`(?P<file>[^`]+)`\*\*(?P<rest>.*?)(?=^\d+\. |^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^   ```\w+\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)
KEY = re.compile(r"^( *)\"?([\w./{}-]+)\"?:")


def steps() -> list[tuple[str, bool, str]]:
    """Return each step that edits a file: the file, whether it is new, and the block."""
    found = []
    for step in STEP.finditer((ROOT / "CONTRIBUTING.md").read_text()):
        [block] = BLOCK.findall(step["rest"])
        found.append((step["file"], step["rest"].startswith(", new"), textwrap.dedent(block)))
    return found


def follow(project: Path, file: str, block: str, *, is_new: bool) -> None:
    path = project / file
    if is_new:
        assert not path.exists(), f"{file} is there already"
        path.write_text(block)
    elif path.suffix == ".py":
        path.write_text(f"{path.read_text()}\n\n{block}")
    else:
        path.write_text(_inserted(path.read_text(), block))


def _inserted(text: str, block: str) -> str:
    """Return the YAML *text* with *block* before the first line of its kind with a greater key.

    Of its kind: functions among functions, and single lines among lines that have the same value.
    """
    lines = text.splitlines(keepends=True)
    key, kind = _key(block), _kind(block.splitlines())
    places = [
        number for number, line in enumerate(lines) if KEY.match(line) and _kind(lines[number : number + 2]) == kind
    ]
    place = next((number for number in places if _key(lines[number]) > key), places[-1] + 1)
    indent = re.match(" *", lines[places[0]])
    assert indent
    added = textwrap.indent(block if len(block.splitlines()) == 1 else f"{block}\n", indent[0])
    return "".join([*lines[:place], added, *lines[place:]])


def _key(text: str) -> str:
    found = KEY.match(text)
    assert found, text
    return found[2]


def _kind(lines: list[str]) -> str:
    value = lines[0].partition(":")[2].strip()
    return value or (lines[1].strip() if len(lines) > 1 else "")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the steps were followed; the environments are those of the project."""
    copy = tmp_path_factory.mktemp("project") / "millrace"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "benchmarks"))
    (copy / ".millrace").symlink_to(ROOT / ".millrace")
    for file, is_new, block in steps():
        follow(copy, file, block, is_new=is_new)
    run(copy, "-m", "tools.api_documents")
    return copy


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
    """Layout, template and the API's document have nothing to say about it."""
    files = [f"tests/{name}.py" for name in ("test_layout", "test_template", "test_openapi")]
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)


def test_what_the_steps_make_is_formatted(project: Path) -> None:
    """The blocks can be copied as they are."""
    made = [file for file, _, _ in steps() if file.endswith(".py")]
    for check in (("check",), ("format", "--check")):
        run(project, "-m", "ruff", *check, "--no-cache", *made)


def test_what_the_steps_make_works(project: Path) -> None:
    """Its own tests pass, on a real Postgres and Redis."""
    tests = [file for file, _, _ in steps() if file.startswith("tests/")]
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
