"""`./millrace run`: carry out an operation of the deployed application."""

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from millrace_local.cli import options
from millrace_local.cli.output import INTERRUPTED, console, notices, print_json
from millrace_local.deployment import operations, stages
from millrace_local.deployment.operations import Answer, Kept, Operation, OperationFailedError
from millrace_local.deployment.stages import Stage
from millrace_local.instance import STAGE, Instance
from millrace_local.problems import LocalCloudError

COMMON = (options.RESUME, options.AS_JSON, options.STAGE, options.PROFILE)

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
    try:
        *_, answer = shown(operation["name"], operations.run(target, operation, payload, kept))
    except KeyboardInterrupt:
        notices.print(f"Interrupted. {_how_to_go_on(operation, target, kept, profile)}", markup=False, soft_wrap=True)
        sys.exit(INTERRUPTED)
    except LocalCloudError:
        if kept.read() is not None:
            notices.print(_how_to_go_on(operation, target, kept, profile), markup=False, soft_wrap=True)
        raise
    return answer


def shown(title: str, answers: Iterator[Answer]) -> Iterator[Answer]:
    """Yield *answers*, and show on standard error how far they are and how fast."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        Rate(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=notices, transient=True, disable=not notices.is_terminal) as progress:
        task = progress.add_task(title, total=None, done="")
        for answer in answers:
            done, total = answer["done"], answer["total"]
            told = f"{done}" if total is None else f"{done}/{total}"
            progress.update(task, completed=done, total=total, done=told)
            yield answer


class Rate(ProgressColumn):
    """How much was done a second, of late."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


def _resumed(operation: Operation, stage: Stage, kept: Kept, given: dict[str, Any]) -> dict[str, Any]:
    if given:
        message = (
            f"--resume goes on with the interrupted run's own options. Leave out {', '.join(map(options.flag, given))}."
        )
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


def _command(operation: Operation) -> Callable[..., None]:
    """Return the command of *operation*. Its signature, from which Typer makes options, has the fields of the catalogue."""

    def carry_out_and_print(
        *, resume: bool, as_json: bool, stage: str | None, profile: str | None, **given: object
    ) -> None:
        chosen = {name: value for name, value in given.items() if value not in (None, [])}
        if not resume:
            options.require(operation["options"], chosen)
        stage = stage or (None if profile else STAGE)
        try:
            answer = carry_out(operation, chosen, resume=resume, stage=stage, profile=profile)
        except OperationFailedError as error:
            if as_json:
                print(json.dumps(error.answer))  # noqa: T201 - rich would wrap it
            raise
        _print(operation, answer, as_json=as_json)

    parameters = [*map(options.parameter, operation["options"]), *COMMON]
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


for each in operations.catalogue():
    application.command(each["name"])(_command(each))
