"""What the endpoints answer. Clients decode the answers with the same structures.

None always means that a value is unknown or does not exist. A number that could not be read is never 0.
"""

from collections.abc import Mapping as ReadOnlyDict
from datetime import datetime

import msgspec

from millrace_plugin.kafka_trigger.conditions import Condition


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function of a stack."""

    name: str
    """Its logical id in the template."""
    domain: str | None = None
    """The package of its handler."""
    state: str
    """Lambda's state, or `missing` if the stack names a function that Lambda does not have."""
    handler: str | None = None
    timeout_s: int | None = None
    memory_mb: int | None = None
    last_modified: datetime | None = None
    environments: int | None = None
    """How many of its environments run."""
    reason: str | None = None
    """Lambda's reason for the state, or for the failure of the last update."""
    problem: str | None = None


class Functions(msgspec.Struct, frozen=True, kw_only=True):
    """The functions of a stack."""

    stack: str | None
    """CloudFormation's status of the stack. None if there is no such stack."""
    functions: tuple[Function, ...]


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """Where a mapping's consumer group is in a partition."""

    number: int
    committed: int | None
    """The offset at which the group goes on. None if it has committed none."""
    earliest: int
    """The offset of the first record that Kafka still has."""
    end: int
    """The offset after the last record."""
    lag: int
    """How many records the group has not committed."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """An event source mapping of a Kafka topic."""

    function: str
    """The function's logical id in the application's stack, or its name if it is not in the stack."""
    topic: str
    group: str
    state: str
    reason: str | None = None
    """Lambda's reason for the last change of the state."""
    last_result: str | None = None
    lag: int | None = None
    """How many records the group has not committed, over all partitions."""
    partitions: tuple[Partition, ...] | None = None
    counters: ReadOnlyDict[str, int] | None = None
    """What it has counted since it started. None while it does not poll."""
    batch_size: int | None = None
    window_seconds: float | None = None
    filters: bool = False
    """Whether it lets only some records through."""
    owned: tuple[int, ...] | None = None
    """The partitions that the group has assigned to it. None while it does not poll."""
    last_modified: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    """What it is doing, or what keeps it from doing anything: the first one explains the others."""
    bootstrap: str
    function_arn: str
    uuid: str
    warnings: tuple[str, ...] = ()
    """What the mapping asks for without effect on the local trigger."""
    problem: str | None = None


class Mappings(msgspec.Struct, frozen=True, kw_only=True):
    """The Kafka mappings of every account and region."""

    mappings: tuple[Mapping, ...]
