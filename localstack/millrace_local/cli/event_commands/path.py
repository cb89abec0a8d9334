"""`./millrace events path`: the whole way of one event."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from millrace_local.cli import operating
from millrace_local.cli.event_commands import words
from millrace_local.cli.operating import Target
from millrace_local.cli.output import console
from millrace_local.deployment import operations

WIDTH = 11
NAMED = 5

type Json = dict[str, Any]
type Line = tuple[int, str, str]


def command(  # noqa: PLR0913 - the options
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="An event's id, a correlation id, or the X-Request-Id of an answer.")
    ],
    *,
    since: Annotated[
        str | None,
        typer.Option(help="Look from this time on, e.g. 2026-11-27T08:00:00Z. A UUID of version 7 has its own time."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Look before this time.")] = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Show the rows as they are now, and not only their keys (local cloud only).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, for scripts.")] = False,
    stage: Annotated[str | None, typer.Option(help="The deployed stage; another than local is on AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of AWS's configuration to use.")] = None,
) -> None:
    """Show the whole way of one event: request, outbox, topic, consumers, the rows that it wrote, dead letters, redrives.

    An event that a consumer applied alone wrote exactly the rows that are shown. Of a batch, the rows are those of all its
    events. Rows that were changed or deleted since are not found.

    Exit codes: 0 found, 1 failed or not found, 2 wrong options.

    Examples: ./millrace events path 0193… · ./millrace events path 0193… --json | jq '.events[].consumers[].state'
    """
    given = {"id": id_, "since": since, "until": until, "rows": rows or None}
    payload = {name: value for name, value in given.items() if value is not None}
    target = Target.of(stage, profile)
    found = operating.ask(target, operations.find("operations.trace_event"), payload)
    operating.emit(found, _show, as_json=as_json)
    if found["kind"] == "unknown":
        raise typer.Exit(1)


def _show(path: Json) -> None:
    for each in _lines(path):
        indent, name, text = each
        head = f"{name:<{max(WIDTH - indent, len(name))}}" if name else ""
        console.print(
            f"{' ' * indent}{head}  {text}" if head else f"{' ' * indent}{text}", markup=False, soft_wrap=True
        )


def _lines(path: Json) -> Iterator[Line]:
    """Yield each line of the path: its indentation, its name and its text."""
    if path["kind"] == "unknown":
        yield 0, "", f"{path['id']} was found nowhere. Looked at:"
        yield from ((2, "", f"- {each}") for each in path["looked_at"])
        yield 0, "", "It may be older than what is kept, of another stage, or mistyped."
    for each in path["requests"]:
        yield 0, "request", words.request(each)
    if not path["requests"] and path["events"]:
        yield 0, "request", "no log line of it: it began without a request, or the log is gone"
    for number, each in enumerate(path["events"]):
        if number or path["requests"]:
            yield 0, "", ""
        yield from _event(each)
    if path["more"]:
        yield 0, "", f"… and {path['more']} more events of this correlation."
    yield from ((0, "note", each) for each in path["notes"])


def _event(event: Json) -> Iterator[Line]:
    yield 0, "event", f"{event['type'] or 'of unknown type'} {event['id']}"
    yield 2, "outbox", words.outbox(event["outbox"])
    for record in event["records"]:
        yield 2, "topic", words.record(record)
    if len([record for record in event["records"] if not words.marks(record)]) > 1:
        yield 4, "", "It was published more than once, which consumers notice: each applies it once."
    for step in event["consumers"]:
        yield from _consumer(step)
    yield from ((2, "note", each) for each in event["notes"])


def _consumer(step: Json) -> Iterator[Line]:
    yield 2, "consumer", f"{step['consumer']}: {words.state(step)}"
    if step["returned"]:
        yield 4, "returned", ", ".join(f"{count} times {error}" for error, count in step["returned"].items())
    if handled := step["handled"]:
        yield 4, "inbox", f"{words.moment(handled['at'])}, transaction {handled['transaction']}"
        yield from _effect(handled)
        for each in handled["published"]:
            told = "" if handled["events"] == 1 else ", of the same correlation in the batch's transaction"
            yield 4, "published", words.follower(each) + told
        for each in handled["beside"]:
            yield 4, "published", words.follower(each) + ", by another transaction before this one"
    for letter in step["letters"]:
        yield 4, "dead letter", words.letter(letter)
        for record in letter["redriven"]:
            yield 4, "redriven", words.record(record)
    yield from ((4, "note", each) for each in step["notes"])


def _effect(handled: Json) -> Iterator[Line]:
    report = handled["report"]
    several = handled["events"] > 1
    who = f"this batch of {handled['events']} events wrote" if several else "it wrote exactly"
    if report["written"]:
        yield 4, "rows", f"{who}:"
    else:
        yield 4, "rows", "its transaction wrote none, or they were changed or deleted since"
    for each in report["written"]:
        yield from _table(each)
    if report["under_key"]:
        yield 4, "", "rows under its key that other transactions wrote, before or after:"
        for each in report["under_key"]:
            yield from _table(each)
    for table, reason in report["unread"].items():
        yield 4, "", f"not searched: {table}, {reason}"


def _table(written: Json) -> Iterator[Line]:
    shown = written.get("rows") or written["keys"]
    for each in shown[:NAMED]:
        fields = ", ".join(f"{name} = {value}" for name, value in each.items()) or "without a primary key"
        yield 6, "", f"{written['table']} ({fields})"
    if written["count"] > NAMED:
        yield 6, "", f"{written['table']}: {written['count'] - NAMED} more rows"
