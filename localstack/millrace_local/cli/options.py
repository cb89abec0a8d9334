"""Options of commands that invoke operations: from the catalogue's fields, and those that all of them have."""

import inspect
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from millrace_local.deployment.operations import Option

TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}
PANEL = "How it is run"


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def parameter(option: Option) -> inspect.Parameter:
    """Return the parameter from which Typer makes the option of an operation's field."""
    item: Any = _choice(option) if option["choices"] else TYPES[option["kind"]]
    kind: Any = list[item] if option["many"] else item
    told = option["help"] + " May be repeated." * option["many"] + " Required." * option["required"]
    return _option(option["name"], kind | None, None, typer.Option(flag(option["name"]), help=told))


def require(options: Iterable[Option], given: dict[str, Any]) -> None:
    """Raise BadParameter, which names them, if required options are not among *given*."""
    if missing := [option["name"] for option in options if option["required"] and option["name"] not in given]:
        message = f"Missing: {', '.join(map(flag, missing))}."
        raise typer.BadParameter(message)


def _option(name: str, kind: Any, default: object, option: Any) -> inspect.Parameter:  # noqa: ANN401 - what Typer takes
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _choice(option: Option) -> Any:  # noqa: ANN401 - a type, which is made here
    """Return the type of *option*. Typer knows no list of literals."""
    return StrEnum(option["name"], {choice: choice for choice in option["choices"]})


RESUME = _option(
    "resume",
    bool,
    False,  # noqa: FBT003
    typer.Option("--resume", help="Go on where the last run was interrupted.", rich_help_panel=PANEL),
)
AS_JSON = _option(
    "as_json",
    bool,
    False,  # noqa: FBT003
    typer.Option("--json", help="Print one line of JSON, for scripts.", rich_help_panel=PANEL),
)
STAGE = _option(
    "stage",
    str | None,
    None,
    typer.Option("--stage", help="The deployed stage; another than local is on AWS.", rich_help_panel=PANEL),
)
PROFILE = _option(
    "profile",
    str | None,
    None,
    typer.Option("--profile", help="The profile of AWS's configuration to use.", rich_help_panel=PANEL),
)
# The same for commands that are written out.
AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON, for scripts.", rich_help_panel=PANEL)]
Stage = Annotated[
    str | None,
    typer.Option("--stage", help="The deployed stage; another than local is on AWS.", rich_help_panel=PANEL),
]
Profile = Annotated[
    str | None,
    typer.Option("--profile", help="The profile of AWS's configuration to use.", rich_help_panel=PANEL),
]
OUTPUT = _option(
    "output",
    Path,
    inspect.Parameter.empty,
    typer.Option("--output", help="The file to write; an existing one is replaced when everything is there."),
)
EXECUTE = _option(
    "execute",
    bool,
    False,  # noqa: FBT003
    typer.Option("--execute", help="Do it. Without this, the plan is printed and nothing is done."),
)
EXPECT = _option(
    "expect",
    int | None,
    None,
    typer.Option("--expect", help="Confirm the plan's count in a script: if it counts otherwise, nothing is done."),
)
