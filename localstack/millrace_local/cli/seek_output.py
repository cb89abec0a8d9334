"""What `./millrace mappings seek` prints and asks."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
import typer
from rich.table import Table

from millrace_local.cli.output import console, notices, print_json
from millrace_local.mappings.place import Place
from millrace_local.mappings.seeks import Plan
from millrace_plugin.status.structures import Mapping

if TYPE_CHECKING:
    from rich.status import Status


class Steps:
    """The steps of a seek, as they are taken, and the question before the move."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown: Status = notices.status(f"{name} …")

    def __enter__(self) -> Self:
        self._shown.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._shown.stop()

    def tell(self, step: str) -> None:
        self._shown.update(f"{self._name}: {step} …")

    def confirms(self, plan: Plan, expect: int | None) -> bool:
        """Return whether the count of *plan* is the expected one, or the one that is typed now.

        Zero needs nobody's agreement: there is nothing to move.
        """
        if plan.count == 0 or expect is not None:
            return plan.count in {0, expect}
        self._shown.stop()
        _print(plan)
        typed = typer.prompt(f"It is paused, and nothing is moved yet. Type {plan.count} to move it", default="no")
        self._shown.start()
        return bool(typed.strip() == str(plan.count))


def show(plan: Plan, place: Place, mapping: Mapping, to: str, *, as_json: bool) -> None:
    """Print a plan, and how it is carried out."""
    if as_json:
        print_json(msgspec.to_builtins(plan))
        return
    _print(plan)
    command = f"{place.command('seek', mapping)} --to {to} --execute"
    notices.print(f"Nothing was moved. To do it: {command}", markup=False, soft_wrap=True)
    if mapping.state == "Enabled":
        notices.print("The mapping reads on, so that the count may change until it is paused.")


def show_done(plan: Plan, name: str, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(plan))
    else:
        notices.print(f"{name} was moved: {plan.count} records are read again or skipped.", markup=False)


def _print(plan: Plan) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("partition", "committed", "new", "read again", "skipped"):
        table.add_column(name, justify="right")
    for each in plan.moves:
        before = "none" if each.before is None else str(each.before)
        table.add_row(str(each.partition), before, str(each.after), str(each.again), str(each.skipped))
    console.print(table)
    console.print(f"{plan.group} on {plan.topic}: {plan.count} records are read again or skipped.", markup=False)
