"""How the command talks: results on standard output, everything else on standard error."""

import json

from rich.console import Console

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    errors.print("[bold red]Error:[/] ", end="")
    errors.print(message, markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    """For scripts: one JSON document, unstyled."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201 - rich would wrap lines
