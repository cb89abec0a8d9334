"""`./millrace projections`: tables that follow from a topic's events, rebuilt beside the live ones, compared, and swapped."""

import json
import sys
from typing import Annotated, Any

import typer

from millrace_local.cli import operating, tables
from millrace_local.cli.operating import Target
from millrace_local.cli.output import console, notices
from millrace_local.deployment import audit, operations
from millrace_local.instance import ROOT, STAGE, Instance
from millrace_local.problems import LocalCloudError

CONSUMERS = ROOT / "functions" / "operations" / "consumers.json"

application = typer.Typer(
    no_args_is_help=True,
    help="Rebuild tables that follow from a topic's events, compare them with the live ones, and swap them.",
)

Name = Annotated[str, typer.Argument(help="The consumer, as `projections list` shows it.")]
Execute = Annotated[bool, typer.Option("--execute", help="Do it. Without this, only the plan is printed.")]
Expect = Annotated[int | None, typer.Option(help="With --execute: the plan's count; another one stops it.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the audit. Required on AWS, with --execute.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON, for scripts.")]
OfStage = Annotated[str | None, typer.Option("--stage", help="The deployed stage; another than local is on AWS.")]
Profile = Annotated[str | None, typer.Option("--profile", help="The profile of AWS's configuration to use.")]


@application.command("list")
def list_projections(*, as_json: AsJson = False, stage: OfStage = None, profile: Profile = None) -> None:
    """List the projections, and how far a rebuild of each is.

    Example: ./millrace projections list
    """
    target = Target.of(stage, profile)
    found = [
        {"consumer": each["name"], "topic": each["topic"], "tables": each["projection"]}
        | _ask(target, each["name"], {"action": "status"})
        for each in _consumers()
        if each["projection"]
    ]
    operating.emit(found, _show_list, as_json=as_json)


@application.command("rebuild")
def rebuild(  # noqa: PLR0913 - the options
    name: Name, *, execute: Execute = False, expect: Expect = None, reason: Reason = None, as_json: AsJson = False,
    stage: OfStage = None, profile: Profile = None
) -> None:  # fmt: skip
    """Make a projection's tables once more of its topic, beside the live ones. Nothing that is live changes.

    A rebuild that was interrupted goes on when the command is run again.

    Example: ./millrace projections rebuild orders.on_product_events --execute --expect 1200
    """
    _change(Target.of(stage, profile), "build", name, (execute, expect, reason), as_json=as_json)


@application.command("compare")
def compare(name: Name, *, as_json: AsJson = False, stage: OfStage = None, profile: Profile = None) -> None:
    """Compare a rebuilt projection with the live tables, row by row. Keys are shown, contents never.

    Exit code 1: they differ.

    Example: ./millrace projections compare orders.on_product_events
    """
    found = _ask(Target.of(stage, profile), name, {"action": "compare"})
    operating.emit(found, _show_comparison, as_json=as_json)
    sys.exit(1 if found["count"] else 0)


@application.command("swap")
def swap(  # noqa: PLR0913 - the options
    name: Name, *, execute: Execute = False, expect: Expect = None, reason: Reason = None, as_json: AsJson = False,
    stage: OfStage = None, profile: Profile = None
) -> None:  # fmt: skip
    """Replace the live tables by the rebuilt ones. The plan counts the rows that differ; the former tables are dropped.

    The domain's consumers wait for a moment. No event is lost or applied twice.

    Example: ./millrace projections swap orders.on_product_events --execute --expect 3 --reason "prices were wrong"
    """
    _change(Target.of(stage, profile), "swap", name, (execute, expect, reason), as_json=as_json)


@application.command("discard")
def discard(  # noqa: PLR0913 - the options
    name: Name, *, execute: Execute = False, expect: Expect = None, reason: Reason = None, as_json: AsJson = False,
    stage: OfStage = None, profile: Profile = None
) -> None:  # fmt: skip
    """Drop a rebuild. The plan counts the events that it has applied.

    Example: ./millrace projections discard orders.on_product_events --execute --expect 1200
    """
    _change(Target.of(stage, profile), "discard", name, (execute, expect, reason), as_json=as_json)


def _consumers() -> list[dict[str, Any]]:
    """Return the consumers of this checkout, as `./millrace openapi` wrote them from the code."""
    found: list[dict[str, Any]] = json.loads(CONSUMERS.read_text())
    return found


def _require_projection(name: str) -> None:
    """Raise BadParameter for a consumer that is unknown, or has no projection."""
    known = {each["name"]: each["projection"] for each in _consumers()}
    can = ", ".join(each for each, projection in known.items() if projection)
    if name not in known:
        message = f"There is no consumer {name}. These have a projection: {can}."
        raise typer.BadParameter(message)
    if not known[name]:
        message = (
            f"{name} cannot be rebuilt: its tables do not follow from its topic's events alone, as docs/consumers.md "
            f"says in the column `projection`. These can: {can}."
        )
        raise typer.BadParameter(message)


def _ask(target: Target, name: str, payload: dict[str, Any]) -> dict[str, Any]:
    _require_projection(name)
    operation = operations.find(f"{name.partition('.')[0]}.rebuild_projection")
    found: dict[str, Any] = operating.ask(target, operation, payload)
    return found


def _change(
    target: Target, action: str, name: str, given: tuple[bool, int | None, str | None], *, as_json: bool
) -> None:
    """Print the plan, and carry it out with `--execute`."""
    execute, expect, reason = given
    if not execute and (expect is not None or reason is not None):
        message = "--expect and --reason are for --execute. The plan alone changes nothing."
        raise typer.BadParameter(message)
    if execute and not reason and target.stage.name != STAGE:
        message = "--reason is required on AWS, for the audit: say why in one sentence."
        raise typer.BadParameter(message)
    plan = _ask(target, name, {"action": action})
    show_plan = _show_comparison if action == "swap" else _show_fields
    if not execute:
        operating.emit(plan, show_plan, as_json=as_json)
        if not as_json:
            notices.print(f"Nothing was done. To do it: --execute --expect {plan['count']}", markup=False)
        return
    if not as_json:
        show_plan(plan)
    count = operating.confirmed(plan["count"], expect)
    if count != plan["count"]:
        message = f"The plan counts {plan['count']} now, not {count}. Nothing was done."
        raise LocalCloudError(message)
    command = f"projections {'rebuild' if action == 'build' else action} {name}"
    audit.record(Instance.from_environment(), target.stage, command, reason, {"count": count})
    until = {"until": plan["until"]} if "until" in plan else {}
    result = _ask(target, name, {"action": action, "execute": True, "expect": count, **until})
    operating.emit(result, _show_fields, as_json=as_json)
    if action == "build" and not as_json:
        notices.print(f"Next: ./millrace projections compare {name}{target.suffix}", markup=False)


def _show_fields(found: dict[str, Any]) -> None:
    tables.show_fields((name.replace("_", " "), _words(value)) for name, value in found.items())


def _words(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _show_list(found: list[dict[str, Any]]) -> None:
    rows = [(each["consumer"], each["topic"], _words(each["tables"]), _state(each["rebuild"])) for each in found]
    tables.show(("consumer", "topic", "tables", "rebuild"), rows, empty="No consumer has a projection.")


def _state(rebuild: dict[str, Any] | None) -> str:
    if rebuild is None:
        return "none"
    return f"{rebuild['events'].get('applied', 0)} events applied, {rebuild['unread']} to read"


def _show_comparison(found: dict[str, Any]) -> None:
    kinds = ("only_live", "only_rebuilt", "different")
    rows = [(name, table["equal"], *(table[kind]["rows"] for kind in kinds)) for name, table in found["tables"].items()]
    tables.show(("table", "equal", "only live", "only rebuilt", "different"), rows, empty="There are no tables.")
    for name, table in found["tables"].items():
        for kind in kinds:
            if table[kind]["examples"]:
                console.print(f"{name}, {kind.replace('_', ' ')}: {', '.join(table[kind]['examples'])}", markup=False)
    ahead = (("live consumer", found["applied_only_live"]), ("rebuild", found["applied_only_rebuilt"]))
    for who, count in ahead:
        if count:
            console.print(f"Note: {count} events are applied by the {who} alone so far.", markup=False)
