"""Events as the mapping delivers them after the relay published them."""

from typing import Any

from kernel.contracts.event import Event
from kernel.messaging import events
from tests.kit.lambda_events import batch, record


def delivered(*several: Event, start: int = 0) -> dict[str, Any]:
    """One batch of the events, from the offset *start* of one partition on."""
    return batch(*(published(event, start + index) for index, event in enumerate(several)))


def published(event: Event, offset: int = 0) -> dict[str, Any]:
    """The record of *event*. Made again, the record has another event id: so it is after a producer's mistake."""
    key, value, headers = events.encode(event)
    return record(value, offset, key=key, headers=headers)
