"""Forget people: delete a domain's data about the people whose accounts were deleted, for good.

1. A tombstone is set for each person of the batch's `user-deleted` events, and committed. From then on the guards of
   the domain's tables refuse new rows about them (`schema/0006_forgetting.sql`), and consumers leave them out.
2. The existing rows are deleted part by part, each part in its own transaction.
3. The events are acknowledged. The relay deletes published records and kept answers that name the person.

A killed run is repeated and continues where it stopped. The rows are deleted by functions of the database's owner: the
application may call them, and has no right to delete the rows itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel import domains, telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.users import UserDeleted, UserEvent
from kernel.errors import UnavailableError
from kernel.messaging.consumer import RESERVED_PART, Consumer
from kernel.messaging.deliveries import Delivery, continue_trace
from kernel.messaging.events import Reader
from kernel.storage import cache
from kernel.storage.database import Connection, transaction

type Step = Callable[[Connection, list[UUID]], int]

MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Forgetting:
    """The phase before a consumer of `user-events`: forget the people whose accounts were deleted.

    *domain*: whose database is searched.
    *step*: forgets a part, as `forget_rows` does. It is repeated until there is no more.
    """

    domain: str
    step: Step

    def __call__[E: UserEvent](self, delivered: Sequence[Delivery[E]], context: LambdaContext) -> dict[UUID, Exception]:
        """Forget all people of the batch. Returns one failure for all of the deletions, or none."""
        deletions = [each for each in delivered if isinstance(each.event, UserDeleted)]
        if not deletions:
            return {}
        continue_trace(deletions[0])
        failure = self._attempt(list(dict.fromkeys(each.event.user_id for each in deletions)), context)
        return dict.fromkeys((each.id for each in deletions), failure) if failure else {}

    def _attempt(self, people: list[UUID], context: LambdaContext) -> Exception | None:
        reserve = context.get_remaining_time_in_millis() * RESERVED_PART
        rows = 0
        try:
            with transaction(self.domain) as connection:
                connection.execute("SELECT bury(%s)", (people,))
            while True:
                if context.get_remaining_time_in_millis() < reserve:
                    return UnavailableError("There is more to be forgotten than one run can.")
                with cache.postponed(), transaction(self.domain) as connection:
                    part = self.step(connection, people)
                if part == 0:
                    telemetry.logger.info("people forgotten", extra={"people": len(people), "rows": rows})
                    return None
                rows += part
        except Exception as error:  # noqa: BLE001 - it is the deletions' failure, whatever it is, and no other event's
            return error


def forget_rows(connection: Connection, people: list[UUID]) -> int:
    """Delete a part of the rows and kept answers about *people*. Returns how many rows, 0 = there are no more."""
    [(rows,)] = connection.execute(
        "SELECT forget_answers(%(people)s, %(most)s) + forget_people(%(people)s, %(most)s)",
        {"people": people, "most": MOST_ROWS},
    ).fetchall()
    return int(rows)


def by(step: Step) -> Forgetting:
    """Return the phase that forgets by *step*, in the database of the step's domain."""
    return Forgetting(domains.of(step.__module__), step)


def consumer_of(module: str) -> Consumer[UserDeleted]:
    """Make a Lambda handler for `user-events` that forgets people and does nothing else.

    *module*: its `__name__`, which tells the domain.
    """
    domain = domains.of(module)
    return Consumer(
        domain=domain,
        contracts=(UserDeleted,),
        read=Reader(UserDeleted).read,
        effect=lambda _connection, _events: None,
        together=True,
        before=Forgetting(domain, forget_rows),
        idempotent_without_inbox=True,
    )
