"""`./millrace mappings`: list, explain, pause, resume and move event source mappings."""

import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from millrace_local.cli import seek_output
from millrace_local.cli.output import INTERRUPTED, console, notices, print_json
from millrace_local.deployment import audit
from millrace_local.deployment.operations import OperationFailedError
from millrace_local.mappings import pauses, reading, seeks, sentences
from millrace_local.mappings.place import Place
from millrace_local.mappings.reading import NoLocalStackError
from millrace_local.mappings.sentences import Explanation
from millrace_local.problems import LocalCloudError
from millrace_plugin.status.structures import Mapping

WIDEST = 10_000

application = typer.Typer(no_args_is_help=True)

Wanted = Annotated[str, typer.Argument(help="UUID, function (blogs.on_user_events) or topic of the mapping.")]
Reason = Annotated[str | None, typer.Option(help="Why, for ./millrace audit.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Stage = Annotated[str | None, typer.Option(help="The deployed stage; another than local is on AWS.")]
Profile = Annotated[str | None, typer.Option(help="The profile of AWS's configuration to use.")]


@application.callback()
def group() -> None:
    """Show what event source mappings do, why nothing happens, and pause, resume or move them.

    Exit codes: 0 done, 1 failed, 2 wrong options.

    Examples: ./millrace mappings explain · ./millrace mappings pause blogs.on_user_events
    """


@application.command("list")
def list_(*, as_json: Json = False, stage: Stage = None, profile: Profile = None) -> None:
    """List the mappings with their state and lag, and what each is doing.

    Example: ./millrace mappings list --json | jq '.[].lag'
    """
    place = Place.of(stage, profile)
    found = [(each, sentences.explain(each, place)) for each in _read(place, as_json=as_json)]
    if as_json:
        print_json(
            [
                msgspec.to_builtins(each, builtin_types=())
                | {"name": told.name, "cause": told.cause, "wrong": told.wrong}
                for each, told in found
            ]
        )
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("function and group", "topic", "state", "batch", "window", "lag", "doing", "last result"):
        table.add_column(name, no_wrap=True, justify="right" if name in {"batch", "window", "lag"} else "left")
    for each, told in found:
        colour = "red" if told.wrong else "green"
        window = "" if each.window_seconds is None else f"{each.window_seconds:g} s"
        table.add_row(
            f"{told.name}\n[dim]{each.group}[/]",
            each.topic,
            each.state,
            str(each.batch_size or ""),
            window,
            "unknown" if each.lag is None else str(each.lag),
            f"[{colour}]{told.cause.replace('_', ' ')}[/]",
            (each.last_result or "").partition(".")[0],
        )
    # Names are never broken or cut: where they need it, the table is wider than the terminal.
    width = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    console.print(table, width=max(console.width, width), crop=False, soft_wrap=True)
    if not found:
        notices.print("There are no mappings: ./millrace deploy creates the application's.")


@application.command()
def explain(
    wanted: Annotated[
        str | None, typer.Argument(metavar="[MAPPING]", help="UUID, function or topic; without it, all.")
    ] = None,
    *,
    as_json: Json = False,
    stage: Stage = None,
    profile: Profile = None,
) -> None:
    """Say in one sentence what each mapping does or why it does nothing, and the one command that mends it.

    Examples: ./millrace mappings explain · ./millrace mappings explain blogs.on_user_events · ./millrace mappings explain user-events
    """
    place = Place.of(stage, profile)
    found = _read(place, as_json=as_json)
    chosen = reading.select(found, wanted, place) if wanted else found
    _show([sentences.explain(each, place) for each in chosen], as_json=as_json)


@application.command()
def pause(
    wanted: Wanted, *, reason: Reason = None, as_json: Json = False, stage: Stage = None, profile: Profile = None
) -> None:
    """Pause a mapping, and wait until its invocations have ended. A paused one stays paused over restarts of Kafka.

    Its records wait in the topic, and nothing is lost while the topic keeps them.

    Example: ./millrace mappings pause blogs.on_user_events
    """
    _switch(wanted, Place.of(stage, profile), "Disabled", reason, as_json=as_json)


@application.command()
def resume(
    wanted: Wanted, *, reason: Reason = None, as_json: Json = False, stage: Stage = None, profile: Profile = None
) -> None:
    """Resume a paused mapping, and wait until it reads. It goes on at the offset that its group has committed.

    Example: ./millrace mappings resume blogs.on_user_events
    """
    _switch(wanted, Place.of(stage, profile), "Enabled", reason, as_json=as_json)


@application.command()
def seek(  # noqa: PLR0913 - one for each option
    wanted: Wanted,
    *,
    to: Annotated[str, typer.Option(help="earliest, latest, a time with its zone, or <partition>:<offset>,…")],
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without it, only the plan is shown.")] = False,
    expect: Annotated[
        int | None, typer.Option(min=0, help="Fail, with nothing moved, if the plan has another count. For scripts.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, for ./millrace audit; required with --execute on AWS.")
    ] = None,
    as_json: Json = False,
    stage: Stage = None,
    profile: Profile = None,
) -> None:
    """Show what moving a mapping to other offsets reads again or skips, and with --execute do it.

    With --execute the mapping is paused, moved and resumed. Its final count is typed to confirm; in a script --expect
    gives it. A killed seek leaves the mapping paused, explain says so, and the same command ends it. Events that were
    applied are not applied again while the inbox knows them.

    Examples: ./millrace mappings seek blogs.on_user_events --to earliest ·
    ./millrace mappings seek blogs.on_user_events --to 0:120,1:95 --execute --expect 40
    """
    if expect is not None and not execute:
        raise typer.BadParameter("--expect has an effect with --execute only: add that.")
    place = Place.of(stage, profile)
    if execute and not reason and not place.is_local:
        raise typer.BadParameter("Say why, for the audit: --reason is required on AWS.")
    if reason and not execute:
        raise typer.BadParameter("--reason has an effect with --execute only: add that.")
    if execute and expect is None and not sys.stdin.isatty():
        raise typer.BadParameter("Without a terminal to confirm on, give the count of the plan by --expect.")
    mapping = reading.one(place, wanted)
    try:
        planned = seeks.plan(place, mapping, to)
    except OperationFailedError as error:
        if error.answer["error"]["fields"]:
            raise typer.BadParameter(str(error)) from error
        raise
    if not execute:
        seek_output.show(planned, place, mapping, to, as_json=as_json)
        return
    try:
        with seek_output.Steps(place.name(mapping)) as steps:
            done = seeks.execute(place, mapping, to, lambda plan: steps.confirms(plan, expect), steps.tell, reason)
    except KeyboardInterrupt:
        name = place.name(mapping)
        notices.print(f"Interrupted. {name} may be paused: {place.command('explain', mapping)}", markup=False)
        sys.exit(INTERRUPTED)
    seek_output.show_done(done, place.name(mapping), as_json=as_json)


def _switch(wanted: str, place: Place, state: str, reason: str | None, *, as_json: bool) -> None:
    mapping = reading.one(place, wanted)
    name = place.name(mapping)
    if reason:
        verb = "pause" if state == "Disabled" else "resume"
        audit.record(place.instance, place.stage, f"mappings {verb} {name}", reason, {"mappings": 1})
    act = pauses.pause if state == "Disabled" else pauses.resume
    with notices.status(f"{name} …") as shown:
        changed = act(place.stage, mapping, lambda now: shown.update(f"{name}: {now} …"))
    if as_json:
        print_json({"uuid": mapping.uuid, "name": name, "state": state, "changed": changed})
    else:
        what = "paused" if state == "Disabled" else "resumed"
        notices.print(f"{name} is {what}." if changed else f"{name} was {what} already.", markup=False)


def _read(place: Place, *, as_json: bool) -> tuple[Mapping, ...]:
    try:
        return reading.read(place)
    except NoLocalStackError as error:
        _show([sentences.without_localstack(place, str(error))], as_json=as_json)
        sys.exit(1)


def _show(explanations: list[Explanation], *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(explanations))
        return
    for each in explanations:
        colour = "red" if each.wrong else "green"
        console.print(f"[bold {colour}]{each.name}[/]{' · ' if each.topic else ''}{each.topic}", soft_wrap=True)
        console.print(f"  {each.sentence}", markup=False, soft_wrap=True)
        if each.command:
            console.print(f"  → {each.command}", markup=False, style="bold", soft_wrap=True)
    if not explanations:
        raise LocalCloudError("There are no mappings: ./millrace deploy creates the application's.")
