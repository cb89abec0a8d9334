"""Print results on standard output, and everything else on standard error."""

import json

from rich.console import Console

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

console = Console(highlight=False)
notices = Console(stderr=True, highlight=False)


def print_error(message: str) -> None:
    notices.print("[bold red]Error:[/] ", end="")
    notices.print(message, markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print one JSON document without style, for scripts."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201 - rich would wrap lines
