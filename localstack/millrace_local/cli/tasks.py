"""`./millrace tasks`: long commands of operators, and how far they are."""

from typing import Annotated, Any

import typer

from millrace_local.cli import operating, options, tables
from millrace_local.cli.operating import Target
from millrace_local.deployment import operations

application = typer.Typer(
    no_args_is_help=True,
    help="See, pause, resume and cancel long commands: redrives, replays, rebuilds.",
)

Id = Annotated[str, typer.Argument(help="The task's id, as `tasks list` shows it.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, for the audit.")]


def _time(text: str) -> str:
    return text[:19].replace("T", " ")


def _show_list(tasks: list[dict[str, Any]]) -> None:
    rows = [
        (task["id"], task["operation"], task["state"], f"{task['done']}/{task['total']}", task["failures"],
         _time(task["changed_at"]), task["who"])
        for task in tasks
    ]  # fmt: skip
    columns = ("task", "operation", "state", "done", "failures", "changed (UTC)", "who")
    tables.show(columns, rows, empty="There are no tasks.")


def show_task(task: dict[str, Any]) -> None:
    """Print a task, or what came of one."""
    tables.show_fields((name.replace("_", " "), value) for name, value in task.items())


application.command("list")(
    operating.reading(
        "operations.list_tasks",
        _show_list,
        """List the newest tasks.

        Example: ./millrace tasks list --json | jq '.[] | select(.state == "running").id'
        """,
        {"task": None},
    )
)


@application.command("show")
def show(
    task: Id, *, as_json: options.AsJson = False, stage: options.Stage = None, profile: options.Profile = None
) -> None:
    """Show one task with its command, its checkpoint and why it is in its state.

    Example: ./millrace tasks show 01939f0e-…
    """
    operating.emit(_find(Target.of(stage, profile), task), show_task, as_json=as_json)


@application.command("pause")
def pause(
    task: Id,
    *,
    reason: Reason = None,
    as_json: options.AsJson = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
) -> None:
    """Pause a task after the batch under way. It keeps its topics, and goes on with `tasks resume`.

    Example: ./millrace tasks pause 01939f0e-… --reason "the database is busy"
    """
    _change(Target.of(stage, profile), task, "pause", reason, as_json=as_json)


@application.command("cancel")
def cancel(
    task: Id,
    *,
    reason: Reason = None,
    as_json: options.AsJson = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
) -> None:
    """End a task for good after the batch under way. What is published stays published.

    Example: ./millrace tasks cancel 01939f0e-…
    """
    _change(Target.of(stage, profile), task, "cancel", reason, as_json=as_json)


@application.command("resume")
def resume(
    task: Id, *, as_json: options.AsJson = False, stage: options.Stage = None, profile: options.Profile = None
) -> None:
    """Carry on a task that is paused, was stopped by a brake, has failed, or whose command was killed.

    Example: ./millrace tasks resume 01939f0e-…
    """
    target = Target.of(stage, profile)
    operating.resume(target, _find(target, task), show_task, as_json=as_json)


def _find(target: Target, task: str) -> dict[str, Any]:
    [found] = operating.ask(target, operations.find("operations.list_tasks"), {"task": task})
    return dict(found)


def _change(target: Target, task: str, action: str, reason: str | None, *, as_json: bool) -> None:
    payload = {"task": task, "action": action, "who": target.who()} | ({"reason": reason} if reason else {})
    found = operating.ask(target, operations.find("operations.change_task"), payload)
    operating.emit(found, show_task, as_json=as_json)
