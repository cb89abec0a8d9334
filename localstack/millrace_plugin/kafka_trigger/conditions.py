"""What a mapping is doing, or what keeps it from doing anything: facts for programs. Sentences are their readers'.

The trigger, the status endpoint and, for mappings on AWS, the command line describe mappings in these terms.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, get_args

import msgspec

type Cause = Literal[
    "stopping",
    "disabled",
    "no_broker",
    "topic_missing",
    "group_differs",
    "source_failed",
    "function_missing",
    "function_failed",
    "function_pending",
    "concurrency_zero",
    "refused",
    "destination_refuses",
    "import_failed",
    "breaker_open",
    "retrying",
    "partitions_held",
    "starting",
    "joining",
    "dropped",
    "throttled",
    "invoking",
    "window_open",
    "reading",
    "filtered",
    "idle",
    "unknown",
]
"""The causes, those first that explain the others: of several, the first one is the answer."""

_RANKS = {cause: rank for rank, cause in enumerate(get_args(Cause.__value__))}


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a consumer group, other than the mapping."""

    client_id: str
    host: str
    partitions: tuple[int, ...]
    """Those of the mapping's topic that it has."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact about a mapping. A field is None if it does not apply or is unknown."""

    cause: Cause
    since: datetime | None = None
    detail: str | None = None
    """The words of the function, the destination, the brokers or AWS."""
    partition: int | None = None
    offset: int | None = None
    """The first record that it concerns."""
    records: int | None = None
    """How many records it concerns."""
    total: int | None = None
    """Of how many records or partitions."""
    attempts: int | None = None
    """How often it was tried."""
    next_seconds: float | None = None
    """When it is tried again, or when the window ends."""
    window_seconds: float | None = None
    members: tuple[Member, ...] = ()
    """Who has the partitions instead."""


def arrange(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Return the conditions, the one first that explains the others."""
    return tuple(sorted(conditions, key=lambda each: _RANKS[each.cause]))
