"""Letters of ordered consumers: the records that are parked behind them, in the domain's own database."""

from collections.abc import Iterable, Iterator

import psycopg

from kernel.messaging import inbox
from kernel.storage import database
from operations import consumers
from operations.consumers import Consumer
from operations.letters import DeadLetter

# Raised by `discard_parked` for a record that is not parked: it was applied or given up before.
NOT_PARKED = "MR409"


def free(several: Iterable[DeadLetter]) -> None:
    """Give up the records of *several*, where their consumer is ordered: the next record of each key is free then."""
    for each, consumer in _of_ordered(several):
        letter = each.letter
        scope = inbox.scope_of(consumer.group, consumer.generation)
        place = (letter.first_partition, letter.first_offset)
        try:
            with database.transaction(consumer.domain, "relay") as connection:
                connection.execute("SELECT discard_parked(%s, %s, %s, %s)", (scope, each.key, *place))
        except psycopg.Error as error:
            if error.sqlstate != NOT_PARKED:
                raise


def _of_ordered(several: Iterable[DeadLetter]) -> Iterator[tuple[DeadLetter, Consumer]]:
    for each in several:
        consumer = consumers.of_group(each.letter.consumer)
        if consumer and consumer.ordered and each.key is not None:
            yield each, consumer
