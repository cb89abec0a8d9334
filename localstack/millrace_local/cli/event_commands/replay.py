"""`./millrace events replay`: publish earlier events again."""

import gzip
import hashlib
import inspect
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from millrace_local.cli import operating, plans, tables
from millrace_local.cli.operating import Preparation, Target
from millrace_local.deployment import operations, uploads
from millrace_local.problems import LocalCloudError

ORDERS_TOPIC = "order-events"


class Source(StrEnum):
    topic = "topic"
    archive = "archive"
    orders = "orders"
    file = "file"


def _prepare(target: Target, given: dict[str, Any]) -> dict[str, Any]:
    """Export the orders' events, or upload the file, so that the function can read it."""
    path = given.pop("file", None)
    source = given.get("source", Source.file if path else Source.topic)
    if (source == Source.file) != (path is not None):
        raise typer.BadParameter("--file and --source file belong together.")
    given["source"] = source.value
    if source == Source.orders:
        return given | _exported(target, given)
    return given | ({"file": _uploaded(target, path)} if path else {})


def _exported(target: Target, given: dict[str, Any]) -> dict[str, Any]:
    if given["topic"] != ORDERS_TOPIC:
        message = f"--source orders has the events of {ORDERS_TOPIC}. Replay them to another topic with --to."
        raise typer.BadParameter(message)
    chosen: dict[str, Any] = {name: given[name] for name in ("since", "until", "key") if name in given}
    found = operating.ask(target, operations.find("orders.export_events"), chosen)
    if found["file"] is None:
        raise LocalCloudError("The orders have no such events.")
    return {"source": "file", "file": found["file"]}


def _uploaded(target: Target, path: Path) -> str:
    """Upload the file under a name that its content has, so that a repeated command replays the same."""
    content = path.read_bytes()
    name = hashlib.sha256(content).hexdigest()[:32]
    uploads.put(target.stage, f"{name}.jsonl.gz", gzip.compress(content, mtime=0))
    return name


def _show_result(result: dict[str, Any]) -> None:
    tables.show_fields(result.items())


def _parameter(name: str, annotation: Any) -> inspect.Parameter:  # noqa: ANN401 - what Typer takes
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


command = operating.changing(
    "operations.replay_events",
    plans.show,
    _show_result,
    """Publish earlier events again: key, value, headers and ids as they were, the order per key kept.

    Consumers skip what they have applied. Those that send e-mails or move money skip all of it, unless --with-effects. To
    apply known events again, rebuild the projection instead. --reason is required on AWS.

    Examples: ./millrace events replay --topic blog-events --since 2026-11-26T00:00:00Z ·
    ./millrace events replay --topic blog-events --source archive --consumer activity.on_blog_events --execute --expect 120
    """,
    {"group": None, "source": None, "file": None},
    Preparation(
        (
            _parameter(
                "source",
                Annotated[
                    Source | None,
                    typer.Option(
                        help="The topic itself (if not given), its archive, the orders' own store, or a file."
                    ),
                ],
            ),
            _parameter(
                "file",
                Annotated[
                    Path | None,
                    typer.Option(
                        exists=True,
                        dir_okay=False,
                        help="A file of lines as `events archive`, `events find --json` or `dead-letters export` write them.",
                    ),
                ],
            ),
        ),
        _prepare,
    ),
)
