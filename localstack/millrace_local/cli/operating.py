"""Commands for operators: each reads by an operation, or changes by one after it has shown the plan.

| exit code | means |
|---|---|
| 0 | done, or the plan was printed |
| 1 | it failed; standard error says why |
| 2 | an option is missing, unknown or wrong; nothing was done |
| 3 | a brake stopped it; standard error says which |
| 130 | Ctrl-C |
"""

import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from millrace_local.cli import options, run
from millrace_local.cli.output import INTERRUPTED, notices
from millrace_local.deployment import operations, stages
from millrace_local.deployment.operations import Answer, Kept, Operation, OperationFailedError
from millrace_local.deployment.stages import Stage
from millrace_local.instance import STAGE, Instance
from millrace_local.problems import LocalCloudError

STOPPED = 3
USAGE = 2
# What the command line itself gives to an operation that changes something.
OURS = ("execute", "expect", "who")

type Show = Callable[[Any], None]


@dataclass(frozen=True)
class Target:
    """Where a command works, and what is said to go on with it."""

    stage: Stage
    profile: str | None

    @classmethod
    def of(cls, stage: str | None, profile: str | None) -> "Target":
        if stage in {None, STAGE} and not profile:
            return cls(stages.local(Instance.from_environment()), None)
        return cls(stages.on_aws(stage, profile), profile)

    @property
    def suffix(self) -> str:
        """Return the options that name the target, for a command that is suggested."""
        stage = f" --stage {self.stage.name}" * (self.stage.name != STAGE)
        return stage + (f" --profile {self.profile}" if self.profile else "")

    def who(self) -> str:
        """Return whom the audit names."""
        return self.stage.who()

    def run(self, operation: Operation, payload: dict[str, Any]) -> Answer:
        """Run *operation* to its end, with a progress bar. Returns the last answer."""
        kept = Kept.of(Instance.from_environment(), self.stage, operation)
        *_, answer = run.shown(operation["name"], operations.run(self.stage, operation, payload, kept))
        return answer


def reading(name: str, show: Show, documentation: str, fixed: Mapping[str, Any] | None = None) -> Callable[..., None]:
    """Return the command that prints what the operation *name* finds.

    *show*: prints its result, unless JSON is asked for.
    *fixed*: fields of the operation that the command itself gives, or None for those that it leaves out.
    """
    operation = operations.find(name)
    offered = [each for each in operation["options"] if each["name"] not in (fixed or {})]

    def command(*, as_json: bool, stage: str | None, profile: str | None, **given: object) -> None:
        chosen = _chosen(given)
        options.require(offered, chosen)
        payload = {**chosen, **_given(fixed)}
        answer = _told(as_json, lambda: Target.of(stage, profile).run(operation, payload))
        emit(answer["result"], show, as_json=as_json)

    return _typed(command, [*map(options.parameter, offered), *_COMMON], documentation)


@dataclass(frozen=True)
class Preparation:
    """What a command does before it asks for the plan.

    *parameters*: its own options.
    *prepare*: takes them away from what was given, and returns the fields of the operation.
    """

    parameters: Sequence[inspect.Parameter] = ()
    prepare: Callable[[Target, dict[str, Any]], dict[str, Any]] = lambda _target, given: given


def changing(  # noqa: PLR0913, PLR0917 - what such a command consists of
    name: str,
    show_plan: Show,
    show: Show,
    documentation: str,
    fixed: Mapping[str, Any] | None = None,
    preparation: Preparation = Preparation(),
) -> Callable[..., None]:
    """Return the command that prints the plan of the operation *name*, and carries it out with `--execute`.

    *show_plan*, *show*: print its plan, and what came of it.
    *fixed*: as for `reading`.
    """
    operation = operations.find(name)
    offered = [each for each in operation["options"] if each["name"] not in (*OURS, *(fixed or {}))]

    def command(
        *, execute: bool, expect: int | None, as_json: bool, stage: str | None, profile: str | None, **given: object
    ) -> None:
        chosen = _chosen(given)
        options.require(offered, chosen)
        target = Target.of(stage, profile)
        payload = preparation.prepare(target, {**chosen, **_given(fixed)})
        plan = _told(as_json, lambda: target.run(operation, payload))["result"]
        if not execute:
            emit(plan, show_plan, as_json=as_json)
            if not as_json:
                notices.print(f"Nothing was done. To do it: --execute --expect {plan['count']}", markup=False)
            return
        if not as_json:
            show_plan(plan)
        # What comes after the plan was counted is not part of it.
        until = {"until": payload.get("until", plan["until"])} if plan.get("until") else {}
        change = {"execute": True, "expect": confirmed(plan["count"], expect), "who": target.who()}
        answer = _carry_out(as_json, target, operation, {**payload, **until, **change})
        finish(target, answer["result"], show, as_json=as_json)

    own = [*map(options.parameter, offered), *preparation.parameters]
    parameters = [*own, options.EXECUTE, options.EXPECT, *_COMMON]
    return _typed(command, parameters, documentation)


def asking(name: str, show: Show, documentation: str) -> Callable[..., None]:
    """Return the command that prints a state, and with `--execute` changes it: there is nothing to count."""
    operation = operations.find(name)
    offered = [each for each in operation["options"] if each["name"] not in OURS]

    def command(*, execute: bool, as_json: bool, stage: str | None, profile: str | None, **given: object) -> None:
        chosen = _chosen(given)
        options.require(offered, chosen)
        target = Target.of(stage, profile)
        change = {"execute": True, "who": target.who()} if execute else {}
        emit(_told(as_json, lambda: target.run(operation, chosen | change))["result"], show, as_json=as_json)

    return _typed(command, [*map(options.parameter, offered), options.EXECUTE, *_COMMON], documentation)


def saving(name: str, documentation: str) -> Callable[..., None]:
    """Return the command that writes the lines which the operation *name* returns part by part into a file."""
    operation = operations.find(name)

    def command(*, output: Path, stage: str | None, profile: str | None, **given: object) -> None:
        target, count, draft = Target.of(stage, profile), 0, output.with_name(f".{output.name}.draft")
        kept = Kept.of(Instance.from_environment(), target.stage, operation)
        with draft.open("w") as file:
            for answer in run.shown(name, operations.run(target.stage, operation, _chosen(given), kept)):
                file.writelines(f"{line}\n" for line in answer["result"]["lines"])
                count += len(answer["result"]["lines"])
        draft.replace(output)
        notices.print(f"{output} has {count} lines.", markup=False, soft_wrap=True)

    parameters = [*map(options.parameter, operation["options"]), options.OUTPUT, options.STAGE, options.PROFILE]
    return _typed(command, parameters, documentation)


def finish(target: Target, result: dict[str, Any], show: Show, *, as_json: bool) -> None:
    """Print *result*, and exit with the code that suits a task's state."""
    emit(result, show, as_json=as_json)
    state = result.get("state", "done")
    if state == "done":
        return
    notices.print(f"The task is {state}: {result['explanation']}.", markup=False, soft_wrap=True)
    if state != "cancelled":
        notices.print(
            f"To go on: ./millrace tasks resume {result['task']}{target.suffix}", markup=False, soft_wrap=True
        )
    sys.exit({"stopped": STOPPED, "failed": 1}.get(state, 0))


def resume(target: Target, task: Mapping[str, Any], show: Show, *, as_json: bool) -> None:
    """Carry on an unfinished *task*, as `operations.list_tasks` gives it."""
    cursor = {"command": task["command"], "at": {"task": task["id"]}, "done": task["done"], "total": task["total"]}
    answer = _carry_out(as_json, target, operations.find(task["operation"]), {"cursor": cursor})
    finish(target, answer["result"], show, as_json=as_json)


def ask(target: Target, operation: Operation, payload: dict[str, Any]) -> Any:  # noqa: ANN401 - each operation's own
    """Return the result of *operation*."""
    return _told(False, lambda: target.run(operation, payload))["result"]  # noqa: FBT003 - passed on


def emit(result: object, show: Show, *, as_json: bool) -> None:
    """Print *result*, as JSON or by *show*."""
    if as_json:
        print(json.dumps(result))  # noqa: T201 - one line, which rich would wrap
    else:
        show(result)


def _carry_out(as_json: bool, target: Target, operation: Operation, payload: dict[str, Any]) -> Answer:  # noqa: FBT001 - passed on
    try:
        return _told(as_json, lambda: target.run(operation, payload))
    except KeyboardInterrupt:
        text = f"Interrupted. See how far it is and go on: ./millrace tasks list{target.suffix}"
        notices.print(text, markup=False, soft_wrap=True)
        sys.exit(INTERRUPTED)
    except LocalCloudError:
        if Kept.of(Instance.from_environment(), target.stage, operation).read() is not None:
            text = f"What was done is kept. See ./millrace tasks list{target.suffix}"
            notices.print(text, markup=False, soft_wrap=True)
        raise


def confirmed(count: int, expect: int | None) -> int:
    """Return the count that the plan must have: *expect*, or what the user types."""
    if expect is not None:
        return expect
    if not sys.stdin.isatty():
        message = f"Nobody is there to confirm. In a script, give --expect {count}."
        raise typer.BadParameter(message)
    return int(typer.prompt(f"Type {count} to confirm", type=int))


def _told(as_json: bool, invoke: Callable[[], Answer]) -> Answer:  # noqa: FBT001 - passed on
    """Return the answer. With JSON asked for, an answer that has an error is printed before the error is raised."""
    try:
        return invoke()
    except OperationFailedError as error:
        if as_json:
            print(json.dumps({"error": error.answer["error"]}))  # noqa: T201 - rich would wrap it
        if error.answer["error"]["fields"]:
            raise typer.BadParameter(str(error)) from error
        raise


def _given(fixed: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (fixed or {}).items() if value is not None}


def _chosen(given: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in (None, [])}


def _typed(
    command: Callable[..., None], parameters: list[inspect.Parameter], documentation: str
) -> Callable[..., None]:
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = documentation
    return command


_COMMON = (options.AS_JSON, options.STAGE, options.PROFILE)
