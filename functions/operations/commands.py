"""What the operations domain can be told to do.

The fields of `Selection`, `Change` and `LongChange` mean the same in every command that has them.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

# After so many redrives a letter waits no longer: another attempt alone will not mend it.
MAX_REDRIVES = 5

type Time = Annotated[datetime, Meta(tz=True)]
type Text = Annotated[str, Meta(min_length=1, max_length=1000)]


class ArchiveEvents(Struct, frozen=True, forbid_unknown_fields=True):
    """Archive what the topics have since the last run.

    *topic*: these topics alone. None named: all.
    *acknowledge*: accept that the offsets of all gaps so far are lost, for this reason.
    """

    topic: list[str] = []
    acknowledge: Text | None = None


class RunMigrations(Struct, frozen=True, forbid_unknown_fields=True):
    """Apply this release's migrations, or show which are pending.

    *command*: `apply` changes the databases, `status` changes nothing.
    """

    command: Literal["apply", "status"]


class Selection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Choose records. What is not given chooses all.

    *topic*: only of this topic; for dead letters, the topic that they were read from or are on.
    *type*: only events of this type, e.g. OrderCreated.
    *key*: only with this key.
    *group*: only with this fingerprint of the cause, as `dead-letters groups` shows it.
    *since*: only from this time on, e.g. 2026-11-27T08:00:00Z.
    *until*: only before this time.
    *where*: only where this JSONPath (RFC 9535) holds, e.g. @.value.amount > 500; there are key, value, headers, metadata.
    *max*: at most so many, the oldest first.
    """

    topic: Text | None = None
    type: Text | None = None
    key: Text | None = None
    group: Text | None = None
    since: Time | None = None
    until: Time | None = None
    where: Text | None = None
    max: Annotated[int, Meta(ge=1)] | None = None


class Change(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Choose records, and say whether and why they are changed.

    *execute*: do it; without this, only the plan is returned.
    *expect*: how many the plan counted; nothing is done if it counts otherwise by now.
    *reason*: why, for the audit; required on AWS.
    *who*: by whom, for the audit; the command line fills it in.
    """

    execute: bool = False
    expect: Annotated[int, Meta(ge=0)] | None = None
    reason: Text | None = None
    who: Text | None = None


class LongChange(Change, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Choose and change many records, and limit what that may do to those who live with it.

    *rate*: at most so many records a second, e.g. 200/s.
    *canary*: publish so many first, wait for their effects, and go on only if enough succeeded.
    *min_success*: how many of the canary must succeed, e.g. 99%; all of them if not given.
    *stop_on_failures*: stop when more than this part of the published records failed again, e.g. 1%.
    *live_p99*: slow down while consumers take longer than this many times their duration before, e.g. 1.5x.
    """

    rate: Text | None = None
    canary: Annotated[int, Meta(ge=1)] | None = None
    min_success: Text | None = None
    stop_on_failures: Text | None = None
    live_p99: Text | None = None


class ReplayEvents(LongChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Publish earlier events again, in their order, with their ids.

    *topic*: the events of this topic. Required.
    *source*: where they are read: the topic itself, its archive, or a file of lines that was uploaded.
    *offsets*: only these of the topic or the archive, first-last by partition, e.g. 0:100-199,1:50-.
    *file*: the uploaded file's name in the archive's bucket; the command line fills it in.
    *to*: to this topic instead of their own.
    *consumer*: only for this consumer, e.g. notifications.on_blog_events; every other one skips them.
    *with_effects*: consumers that send e-mails or move money apply the events too, if they have not done so before.
    """

    topic: Text
    source: Literal["topic", "archive", "file"] = "topic"
    offsets: Text | None = None
    file: Text | None = None
    to: Text | None = None
    consumer: Text | None = None
    with_effects: bool = False


class ListParkedRows(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """List rows of outboxes that no retry can publish.

    *domain*: only of this domain's outbox.
    """

    domain: Text | None = None


class ChangeParkedRows(Change, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Let parked rows be published again, or delete them for good.

    *action*: `retry` or `discard`.
    *domain*: only of this domain's outbox.
    """

    action: Literal["retry", "discard"]
    domain: Text | None = None


class ResetBreaker(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Let a consumer dead-letter again, as many records as its breaker allows in a row.

    *consumer*: the consumer or its group, e.g. orders.on_payment_events.
    *execute*: do it; without this, only the breaker's state is returned.
    *reason*: why, for the audit; required on AWS.
    *who*: by whom, for the audit; the command line fills it in.
    """

    consumer: Text
    execute: bool = False
    reason: Text | None = None
    who: Text | None = None


type LetterState = Literal["waiting", "parked", "archived", "selected", "redriven", "discarded", "expired", "all"]


class ListDeadLetters(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """List dead letters, with where they come from and why they failed.

    *state*: what became of them; `waiting` if not given. `parked` ones were redriven too often.
    *max_redrives*: after so many redrives a letter is parked.
    """

    state: LetterState = "waiting"
    max_redrives: Annotated[int, Meta(ge=1)] = MAX_REDRIVES


class GroupDeadLetters(ListDeadLetters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Count dead letters by their cause."""


class ShowDeadLetter(Struct, frozen=True, forbid_unknown_fields=True):
    """Show one dead letter whole, decoded, with the place of its original.

    *letter*: its place, topic:partition:offset, as `dead-letters list` shows it.
    """

    letter: Text


class ExportDeadLetters(ListDeadLetters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Return dead letters as lines in the envelope of Lenses, part by part."""


class SettleDeadLetters(Change, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Set dead letters aside, take them back, or give them up for good.

    *action*: `archive`, `restore` or `discard`.
    *letter*: only this one, topic:partition:offset.
    *max_redrives*: after so many redrives a letter is parked.
    """

    action: Literal["archive", "restore", "discard"]
    letter: Text | None = None
    max_redrives: Annotated[int, Meta(ge=1)] = MAX_REDRIVES


class RedriveDeadLetters(LongChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Publish dead letters again to the topic that they come from, for the consumer that failed.

    *letter*: only this one, topic:partition:offset.
    *max_redrives*: letters that were redriven so often are parked, and left where they are.
    """

    letter: Text | None = None
    max_redrives: Annotated[int, Meta(ge=1)] = MAX_REDRIVES


class ListTasks(Struct, frozen=True, forbid_unknown_fields=True):
    """List long commands, the newest first.

    *task*: only this one, with its checkpoint.
    """

    task: Text | None = None


class ChangeTask(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pause or cancel a task.

    *task*: its id.
    *action*: `pause` keeps its topics for it, `cancel` ends it for good.
    *reason*: why, for the audit.
    *who*: by whom, for the audit; the command line fills it in.
    """

    task: Text
    action: Literal["pause", "cancel"]
    reason: Text | None = None
    who: Text | None = None


class ListAudit(Struct, frozen=True, forbid_unknown_fields=True):
    """List what operators changed, the newest first.

    *since*: only from this time on, e.g. 2026-11-27T08:00:00Z.
    *most*: at most so many; 100 if not given.
    """

    since: Time | None = None
    most: Annotated[int, Meta(ge=1, le=1000)] = 100


class RecordAudit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keep what an operator changed by other means than an operation, such as pausing a mapping.

    *command*: what was run, e.g. mappings pause orders.on_payment_events.
    *counts*: what it changed, as JSON, e.g. {"records": 12}.
    *reason*: why; required on AWS.
    *who*: by whom; the command line fills it in.
    """

    command: Text
    counts: Text = "{}"
    reason: Text | None = None
    who: Text | None = None


class VerifyArchive(Struct, frozen=True, forbid_unknown_fields=True):
    """Compare the archive with the topics.

    *topic*: these topics alone. None named: all.
    """

    topic: list[str] = []


class ReportProblems(Struct, frozen=True, forbid_unknown_fields=True):
    """Report what is wrong in the databases, on the topics and in the archive."""


class SeekGroup(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Move a consumer's group to other offsets, or show what that would do.

    *consumer*: the consumer or its group, e.g. orders.on_payment_events.
    *to*: earliest, latest, a time with its zone, or partition:offset,… for some partitions, e.g. 0:120,1:95.
    *execute*: do it; without this, only the plan is returned.
    *expect*: how many records the plan counted; nothing is moved if it counts otherwise by now.
    *reason*: why, for the audit; required on AWS.
    *who*: by whom, for the audit; the command line fills it in.
    """

    consumer: Text
    to: Text
    execute: bool = False
    expect: Annotated[int, Meta(ge=0)] | None = None
    reason: Text | None = None
    who: Text | None = None
