"""Invoked by an operator: publish records that are given as lines, in their order, or show what that would do.

The audit is written first, with the number of records. A kill after it leaves some of them unpublished, and the same command
publishes all of them again: consumers skip the ids that they have applied.
"""

from collections.abc import Iterator

from msgspec import structs

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store, publishing
from operations.database import transaction
from operations.event_commands import ProduceEvents


@operation(ProduceEvents)
def handler(command: ProduceEvents, run: Run[None]) -> Iterator[Progress[None]]:
    if command.execute:
        accountability.require_reason(command.reason)
    records = publishing.records(command)
    plan = publishing.plan_of(records, command.topic)
    if command.unchecked:
        plan.note("Nothing is checked against its contract.")
    else:
        for note in publishing.check_contracts(records, command.topic):
            plan.note(note)
    plan.require(command.expect)
    readers = publishing.readers(records, command.topic)
    if not command.execute:
        yield Progress(0, plan.count, result=plan.result(0, to=command.topic, consumers=readers))
        return
    _audit(command, {"events": plan.count})
    acknowledged, failures = publishing.publish(records, command.topic)
    run.count(published=acknowledged)
    not_sent = plan.count - acknowledged - len(failures)
    if failures:
        _audit(command, {"published": acknowledged, "failed": len(failures), "not_sent": not_sent})
    result = {"state": "failed" if failures else "done", "published": acknowledged, "not_sent": not_sent}
    yield Progress(acknowledged, plan.count, result={**result, "failures": failures})


def _audit(command: ProduceEvents, counts: dict[str, int]) -> None:
    """Keep who publishes what. The records are on the topic, and the audit has no personal data."""
    options = structs.asdict(structs.replace(command, lines=[], value=None, key=None))
    who = accountability.name_of(command.who)
    with transaction() as connection:
        audit_store.add(connection, audit_store.NewEntry(who, "events produce", options, command.reason, counts))
