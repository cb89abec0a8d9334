"""`./millrace run`: carry out an operation of the deployed application."""

import inspect
import json
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from millrace_local.cli.output import console, notices, print_json
from millrace_local.deployment import operations, stages
from millrace_local.deployment.operations import Answer, Kept, Operation, OperationFailedError, Option
from millrace_local.deployment.stages import Stage
from millrace_local.instance import STAGE, Instance
from millrace_local.problems import LocalCloudError

INTERRUPTED = 130
TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}
PANEL = "How it is run"

application = typer.Typer(invoke_without_command=True, subcommand_metavar="DOMAIN.OPERATION [OPTIONS]")


@application.callback()
def command(context: typer.Context) -> None:
    """Run an operation of the deployed application; without a name, list them.

    It runs part by part. What is interrupted goes on with --resume, and nothing is lost or done twice.

    Examples: ./millrace run catalog.rebuild_index · ./millrace run users.change_scopes --username ann --stage prod
    """
    if context.invoked_subcommand is None:
        for each in operations.catalogue():
            console.print(f"[bold]{each['name']:<32}[/] {each['description']}", soft_wrap=True)


def carry_out(
    operation: Operation,
    given: dict[str, Any],
    *,
    resume: bool = False,
    stage: str | None = STAGE,
    profile: str | None = None,
) -> Answer:
    """Run *operation* to its end, with a progress bar on standard error. Returns the last answer.

    Ctrl-C prints how to go on, and exits with 130.
    """
    instance = Instance.from_environment()
    target = stages.local(instance) if stage == STAGE and not profile else stages.on_aws(stage, profile)
    kept = Kept.of(instance, target, operation)
    payload = _resumed(operation, target, kept, given) if resume else given
    if not resume:
        kept.write(None)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]}"), TimeElapsedColumn())
    answer: Answer = {}
    try:
        with Progress(*columns, console=notices, transient=True, disable=not notices.is_terminal) as progress:
            task = progress.add_task(operation["name"], total=None, done="")
            for answer in operations.run(target, operation, payload, kept):
                done, total = answer["done"], answer["total"]
                shown = f"{done}" if total is None else f"{done}/{total}"
                progress.update(task, completed=done, total=total, done=shown)
    except KeyboardInterrupt:
        notices.print(f"Interrupted. {_how_to_go_on(operation, target, kept, profile)}", markup=False, soft_wrap=True)
        sys.exit(INTERRUPTED)
    except LocalCloudError:
        if kept.read() is not None:
            notices.print(_how_to_go_on(operation, target, kept, profile), markup=False, soft_wrap=True)
        raise
    return answer


def _resumed(operation: Operation, stage: Stage, kept: Kept, given: dict[str, Any]) -> dict[str, Any]:
    if given:
        message = f"--resume goes on with the interrupted run's own options. Leave out {', '.join(map(_flag, given))}."
        raise LocalCloudError(message)
    cursor = kept.read()
    if cursor is None:
        message = f"There is nothing to resume: no run of {operation['name']} on {stage.name} was interrupted."
        raise LocalCloudError(message)
    return {"cursor": cursor}


def _how_to_go_on(operation: Operation, stage: Stage, kept: Kept, profile: str | None) -> str:
    if kept.read() is None:
        return "No part was over: run it again."
    where = f" --stage {stage.name}" * (stage.name != STAGE) + (f" --profile {profile}" if profile else "")
    return f"Go on with: ./millrace run {operation['name']} --resume{where}"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _command(operation: Operation) -> Callable[..., None]:
    """Return the command of *operation*. Its signature, from which Typer makes options, has the fields of the catalogue."""
    required = [option["name"] for option in operation["options"] if option["required"]]

    def carry_out_and_print(
        *, resume: bool, as_json: bool, stage: str | None, profile: str | None, **given: object
    ) -> None:
        chosen = {name: value for name, value in given.items() if value not in (None, [])}
        if missing := [name for name in required if name not in chosen and not resume]:
            raise typer.BadParameter(f"Missing: {', '.join(map(_flag, missing))}.")
        stage = stage or (None if profile else STAGE)
        try:
            answer = carry_out(operation, chosen, resume=resume, stage=stage, profile=profile)
        except OperationFailedError as error:
            if as_json:
                print(json.dumps(error.answer))  # noqa: T201 - rich would wrap it
            raise
        _print(operation, answer, as_json=as_json)

    parameters = [*(_parameter(option) for option in operation["options"]), *COMMON]
    carry_out_and_print.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    carry_out_and_print.__doc__ = operation["description"]
    return carry_out_and_print


def _print(operation: Operation, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer))  # noqa: T201 - one line, which rich would wrap
    elif answer["result"] is not None:
        print_json(answer["result"])
    else:
        notices.print(f"{operation['name']}: {answer['done']} done.")


def _option(name: str, kind: Any, default: object, option: Any) -> inspect.Parameter:  # noqa: ANN401 - what Typer takes
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _parameter(option: Option) -> inspect.Parameter:
    item: Any = _choice(option) if option["choices"] else TYPES[option["kind"]]
    kind: Any = list[item] if option["many"] else item
    told = option["help"] + " May be repeated." * option["many"] + " Required." * option["required"]
    return _option(option["name"], kind | None, None, typer.Option(_flag(option["name"]), help=told))


def _choice(option: Option) -> Any:  # noqa: ANN401 - a type, which is made here
    """Return the type of *option*. Typer knows no list of literals."""
    return StrEnum(option["name"], {choice: choice for choice in option["choices"]})


COMMON = (
    _option(
        "resume",
        bool,
        False,  # noqa: FBT003
        typer.Option("--resume", help="Go on where the last run was interrupted.", rich_help_panel=PANEL),
    ),
    _option(
        "as_json",
        bool,
        False,  # noqa: FBT003
        typer.Option("--json", help="Print the last answer as one line of JSON.", rich_help_panel=PANEL),
    ),
    _option(
        "stage",
        str | None,
        None,
        typer.Option("--stage", help="The deployed stage; another than local is on AWS.", rich_help_panel=PANEL),
    ),
    _option(
        "profile",
        str | None,
        None,
        typer.Option("--profile", help="The profile of AWS's configuration to use.", rich_help_panel=PANEL),
    ),
)

for each in operations.catalogue():
    application.command(each["name"])(_command(each))
