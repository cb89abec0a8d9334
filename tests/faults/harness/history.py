"""What one run of a case saw: what was sent, what was acknowledged, and what became of it."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Command(NamedTuple):
    """One command of a client. *sequence*: its number among those of its key, which were sent one after the other.

    *acknowledged*: whether a client was told that it is done. One that was not may have been executed or not.
    """

    id: str
    key: str
    sequence: int
    acknowledged: bool


class Applied(NamedTuple):
    """An effect in the database of the consumer, or a record on the wire. *id*: of the command that it belongs to."""

    id: str
    key: str
    sequence: int


@dataclass(frozen=True)
class History:
    """Everything that the checker needs, read once the system had time to drain.

    *commands*: what clients sent.
    *executed*: the rows that commands wrote in their own transaction, in any sequence. An id that is there twice was
    executed twice.
    *effects*: in the sequence in which they were applied.
    *wire*: the records of the topic, in the sequence of each partition.
    *poison*: the places (partition, offset) of the records that can never be applied.
    *letters*: the place that each dead letter names, once for each id of a letter.
    *backlog*: unpublished rows of the outbox. *lag*: unread records.
    *parked*: rows of the outbox that were given up. *unpublishable*: how many of them there have to be.
    """

    commands: tuple[Command, ...] = ()
    executed: tuple[str, ...] = ()
    effects: tuple[Applied, ...] = ()
    wire: tuple[Applied, ...] = ()
    poison: frozenset[tuple[int, int]] = frozenset()
    letters: tuple[tuple[int, int], ...] = ()
    backlog: int = 0
    parked: int = 0
    unpublishable: int = 0
    lag: int = 0


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a history. Every list is empty and every number 0 if nothing is.

    *lost*: acknowledged commands without their effect.
    *doubled*: commands with more than one effect, or that were executed more than once.
    *inverted*: pairs of sequence numbers of a key, the later one of which took effect first.
    *wire_inverted*: the same on the topic.
    *invented*: effects of no command.
    *wrongly_dead*: dead letters of records that are no poison, or more than one of a record.
    *not_dead*: poison without a dead letter.
    *parked*: rows too many that were given up, or too few.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    inverted: list[tuple[str, int, int]] = field(default_factory=list)
    wire_inverted: list[tuple[str, int, int]] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    wrongly_dead: list[tuple[int, int]] = field(default_factory=list)
    not_dead: list[tuple[int, int]] = field(default_factory=list)
    backlog: int = 0
    parked: int = 0
    lag: int = 0

    @property
    def violations(self) -> dict[str, object]:
        """Return what is not as it must be, by its name."""
        return {name: value for name, value in vars(self).items() if value}

    def described(self) -> str:
        """Return the violations as text: the number and the first of each kind."""
        return "; ".join(
            f"{name}: {len(value)}, {value[:3]}" if isinstance(value, list) else f"{name}: {value}"
            for name, value in self.violations.items()
        )
