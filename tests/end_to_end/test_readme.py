"""The examples of README.md and CONTRIBUTING.md do what is written beside them.

Every block of shell commands is run, in the document's order, by one bash for each document. A line that begins with #
below a command is what the command prints; … stands for anything. Only ports and the account's name are replaced.
"""

import functools
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from uuid import uuid4

import httpx
import pytest

from millrace_local.instance import ROOT, Instance
from tests.kit.cloud import STATUS_SECONDS, Cloud
from tests.kit.servers import wait_until

DOCUMENTS = ("README.md", "CONTRIBUTING.md")
# Why a command is not run here, by how it begins.
NOT_RUN = {
    "./millrace up": "the cloud of these tests is up",
    "./millrace test": "it would run this test, too",
    "./millrace deploy": "nothing has changed; tests/faults/test_deployment.py deploys changes",
    "./millrace logs localstack -f": "it follows the log until it is interrupted",
    "./millrace scopes USERNAME": "ada, whose scopes the sale above changes, has left",
    "./millrace doctor": "it names what other tests have broken; tests/local_cloud/mappings/test_doctor.py has one of its own",
    "./millrace openapi": "it writes files of the repository; tests/test_openapi.py compares them",
    "./millrace check": "it needs no cloud; continuous integration runs it first",
    "./millrace bench": "it measures for minutes",
    "./millrace down": "other tests use the cloud; tests/local_cloud/test_cli.py stops one",
    "sleep": "what comes next is repeated until it prints what is shown",
}
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
UP = re.compile(r"^✓ (\w+) ", re.MULTILINE)
END = "end-of-the-command"
SECONDS = 90
# Sent again, it is another request.
SENDS = re.compile(r" -d | -X ")


@dataclass(frozen=True)
class Command:
    text: str
    shown: list[str] = field(default_factory=list)

    def prints(self, output: str) -> bool:
        """Return whether *output* is what the document shows."""
        wanted = ".*".join(map(re.escape, "\n".join(self.shown).split("…")))
        return not self.shown or re.fullmatch(wanted, output.strip(), re.DOTALL) is not None

    def may_be_repeated(self) -> bool:
        return self.text.partition("=$(")[1] != "" or not SENDS.search(self.text)


def commands(document: str) -> list[Command]:
    """Every command of the document's blocks, each with the lines that it prints."""
    found: list[Command] = []
    for indent, block in BLOCK.findall((ROOT / document).read_text()):
        text = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE).replace("\\\n", " ")
        for line in text.splitlines():
            if line.startswith("# "):
                found[-1].shown.append(line.removeprefix("# "))
            elif line.strip():
                found.append(Command(line))
    return found


def why_not(command: Command) -> str | None:
    return next((reason for text, reason in NOT_RUN.items() if command.text.startswith(text)), None)


class Shell:
    """A bash that keeps its variables, in a folder that stands for the project's."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.output = ""
        (folder / "millrace").write_text(f'#!/bin/sh\nexec {ROOT}/millrace "$@"\n')
        (folder / "millrace").chmod(0o700)
        (folder / "event.json").write_text("{}")
        variables = os.environ | {"STRIPE_API_KEY": ""} | cloud.instance.as_environment()
        self._process = subprocess.Popen(
            ["bash"],  # noqa: S607 - the one of the machine, as a reader has it
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run("set -o pipefail")

    def run(self, text: str) -> int:
        """Run a command line, keep what it prints as `output`, and return its exit code."""
        print(
            f"{{ {text}\n}} < /dev/null\ncode=$?; echo; echo {END} $code", file=_open(self._process.stdin), flush=True
        )
        lines: list[str] = []
        for line in _open(self._process.stdout):
            if line.startswith(END):
                self.output = "".join(lines).strip()
                return int(line.split()[1])
            lines.append(line)
        raise AssertionError(f"bash has ended:\n{''.join(lines)}")

    def does(self, command: Command) -> bool:
        """Run *command*. Returns whether it succeeds and prints what is shown."""
        return self.run(command.text) == 0 and command.prints(self.output)

    def close(self) -> None:
        _open(self._process.stdin).close()
        self._process.wait()
        _open(self._process.stdout).close()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.fixture
def shell(cloud: Cloud, tmp_path: Path) -> Iterator[Shell]:
    running = Shell(cloud, tmp_path)
    yield running
    running.close()


def replaced(text: str, instance: Instance, account: str, request_id: str) -> str:
    """Return *text* for this cloud: its ports, an account that nobody has, and a request that was made.

    What is only slow on a busy machine has no problem.
    """
    text = text.replace("http://127.0.0.1:8080", instance.api_url).replace(
        "http://127.0.0.1:4566", instance.localstack_url
    )
    text = re.sub(r"^\./millrace status\b", rf"\g<0> --seconds {STATUS_SECONDS}", text)
    return re.sub(r"\bID\b", request_id, re.sub(r"\bada\b", account, text))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_examples_print_what_is_shown(document: str, cloud: Cloud, shell: Shell) -> None:
    """Each command succeeds; what needs a moment (events, the index) is asked again until it is so."""
    account = f"ada{uuid4().hex[:12]}"
    request_id = httpx.post(f"{cloud.instance.api_url}/orders", json={"amount": 500}).headers["X-Request-Id"]

    for command in commands(document):
        if why_not(command):
            continue
        text, *shown = (replaced(line, cloud.instance, account, request_id) for line in (command.text, *command.shown))
        wanted = Command(text, shown)
        try:
            seconds = SECONDS if wanted.may_be_repeated() else 0
            wait_until(functools.partial(shell.does, wanted), seconds=seconds, what=text)
        except AssertionError:
            pytest.fail(f"{text}\nprints\n{shell.output}\nand not\n{shown}")


def test_what_is_not_run_is_there_and_has_a_reason() -> None:
    """No reason outlives its command."""
    every = [command for document in DOCUMENTS for command in commands(document)]

    assert [text for text in NOT_RUN if not any(command.text.startswith(text) for command in every)] == []
    assert sum(why_not(command) is None for command in every) > 20


def test_the_parts_that_up_shows_are_those_of_the_status(cloud: Cloud) -> None:
    """The README's list of what is started is complete, but for the two programs that watch the others."""
    shown = UP.findall((ROOT / "README.md").read_text())

    assert {*shown, "supervisor", "redeployer"} == {part["name"] for part in cloud.status()["parts"]}


def test_the_addresses_of_the_readme_answer(cloud: Cloud) -> None:
    """The pages that it links to are there."""
    links = re.findall(r"<(http://127\.0\.0\.1:[^>]+)>", (ROOT / "README.md").read_text())

    assert links
    for link in links:
        assert httpx.get(replaced(link, cloud.instance, "", "")).status_code == 200, link
