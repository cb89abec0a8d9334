"""The Kafka edge: a batch of records becomes typed events, each applied exactly once, and failures are told apart.

One transaction holds the inbox rows, the effect and the dead letters of up to 1,000 records. What happens when the
effect fails depends on the error:

* transient (`kernel.storage.database.is_transient`: a database or another system is down or busy): nothing is dead-lettered;
  the record and all later ones of its partition are returned as batch item failures, and are delivered again, in order.
* permanent (unreadable, refused by a rule, a bug): the batch is repeated record by record to find the one at fault;
  that one is dead-lettered and the rest goes on. After many permanent failures in a row, counted over all execution
  environments (`kernel.storage.breaker`), the breaker opens: further ones are returned instead, so that a bad deployment does
  not empty a topic into its dead letters. Records are still tried, and the first success closes it.

A row about somebody who was forgotten (`kernel.messaging.forgetting`) is no failure: its record is skipped.
An event that the function finds to be of another service's (NotOursError) is skipped too, and counted as `not_ours`.

Both ways stop before Lambda's deadline and return what is left. AWS: "Configuring error handling controls for Kafka
event sources" (Lambda Developer Guide), rules R6 to R10.
"""

from collections.abc import Callable

from kernel.contracts.event import Event
from kernel.messaging.consumption import Consumer, Effect
from kernel.storage.database import Connection


def batch[E: Event](domain: str, *contracts: type[E]) -> Callable[[Effect[E]], Consumer[E]]:
    """Make a Lambda handler of a function that applies many events with a few set-based statements.

    The function gets a connection to *domain*'s database, in a transaction, and the events that are new, in the
    order of their partitions and without duplicates. When it raises a permanent error it is called again for each
    event alone. The topic's types that are not among *contracts* are skipped and counted.
    """
    return lambda function: Consumer(domain, function, contracts, together=True)


def each[E: Event](domain: str, *contracts: type[E]) -> Callable[[Callable[[Connection, E], None]], Consumer[E]]:
    """Make a Lambda handler of a function that applies one event at a time, each in a savepoint. Else as `batch`."""

    def decorate(function: Callable[[Connection, E], None]) -> Consumer[E]:
        return Consumer(domain, lambda connection, several: function(connection, *several), contracts, together=False)

    return decorate
