"""What a consumer may declare besides its contracts."""

from collections.abc import Callable
from typing import TypedDict

from kernel.aws.lambda_context import LambdaContext
from kernel.messaging.deliveries import Before

type After = Callable[[LambdaContext], object]


class Options[E](TypedDict, total=False):
    """What a consumer may declare. docs/consumers.md says for each consumer what it has of the last three, and why.

    *before*: runs outside of the transaction, with all readable events, also those applied earlier. It must be safe to
    repeat. It returns failures by `Delivery.id`. An event without one counts as done.
    *after*: runs when a transaction has committed. What it cannot do must be found and done by somebody else later.
    *generation*: see `kernel.messaging.inbox`. Raise it for a projection only, never where effects leave the database.
    *published_group*, *published_dead_letter_topic*: names that are older than the rule (`kernel.settings.Consumer`).
    *ordered*: for `consumer.each` alone. Once a record is dead-lettered, later records of its key are parked behind it.
    *ignores_replays*: skip replayed records, because an effect leaves the database or leads to one that does.
    *idempotent_without_inbox*: the effect of an event that is applied twice is that of one, even if the inbox has
    forgotten it. Without it, a replay that is older than the inbox's retention is refused.
    *projection*: the tables that follow from the topic's events alone, and that nothing else writes. They can be rebuilt.
    """

    before: Before[E]
    after: After
    generation: int
    published_group: str
    published_dead_letter_topic: str
    ordered: bool
    ignores_replays: bool
    idempotent_without_inbox: bool
    projection: tuple[str, ...]
