"""`./millrace check`: the checks that need no server."""

import os
import subprocess
import sys

from millrace_local.cli.output import notices
from millrace_local.instance import ROOT, environment, node_program
from millrace_local.servers.server import Command

DEV = environment("dev") / "bin"
LOCAL = [f"localstack/{name}" for name in ("bootstrap.py", "local_stripe", "millrace_local", "millrace_plugin")]
DOCUMENT = "functions/operations/openapi.json"
CHECKS: dict[str, Command] = {
    "ruff": [DEV / "ruff", "check", "."],
    "format": [DEV / "ruff", "format", "--check", "."],
    "types": [DEV / "mypy", "functions", "layers/shared", "tests", "tools"],
    "types of the local cloud": [DEV / "mypy", "--python-executable", environment("local") / "bin" / "python", *LOCAL],
    "template": [DEV / "cfn-lint", "template.yaml"],
    "spelling": [DEV / "codespell"],
    "layout": [
        DEV / "python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_layout.py",
        "tests/test_imports.py",
        "tests/test_template.py",
        "tests/test_openapi.py",
        "tests/test_docs.py",
    ],
    "the API's document, by Spectral": [*node_program("spectral"), "lint", "--fail-severity", "hint", DOCUMENT],
    "the API's document, by Redocly": [*node_program("redocly"), "lint", DOCUMENT],
}
# Redocly's: nothing of this goes over the network.
ENVIRONMENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def command() -> None:
    """Check style, format, types, template and layout, as continuous integration does before the tests.

    Example: ./millrace check
    """
    failed = [name for name, check in CHECKS.items() if not _passes(name, [str(word) for word in check])]
    if failed:
        notices.print(f"[red]Failed:[/] {', '.join(failed)}")
        sys.exit(1)


def _passes(name: str, check: list[str]) -> bool:
    variables = os.environ | ENVIRONMENT
    ran = subprocess.run(check, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    mark = "[green]✓[/]" if ran.returncode == 0 else "[red]✗[/]"
    notices.print(f"{mark} {name}")
    if ran.returncode != 0:
        notices.print(ran.stdout + ran.stderr, markup=False, soft_wrap=True)
    return ran.returncode == 0
