"""A domain hears that accounts were deleted."""

from uuid import UUID

from kernel.contracts.users import UserDeleted
from tests.forgetting.platform import CONSUMERS, consume
from tests.kit.published import delivered


def hear_of(domain: str, *people: UUID) -> None:
    """Hand the deletions, as new events, to the domain's consumer of user-events."""
    [consumer] = [each for each in CONSUMERS if each.module == f"{domain}.on_user_events"]
    consume(consumer, delivered(*(UserDeleted(user_id=person) for person in people)))
