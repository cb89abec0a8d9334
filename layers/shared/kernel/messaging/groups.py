"""Where consumer groups are in their topics, as Kafka keeps it."""

import contextlib
from collections.abc import Iterable

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from kernel.errors import UnavailableError
from kernel.messaging import brokers

ANSWER_MS = 5_000


def committed(groups: Iterable[str]) -> dict[str, dict[tuple[str, int], int]]:
    """Return for each group the next offset that it reads, by topic and partition. A group without any has none.

    Raises UnavailableError when no broker answers.
    """
    try:
        with contextlib.closing(_admin()) as admin:
            # One by one: MSK's older brokers take one group in a request.
            found = {group: admin.list_group_offsets({group: None})[group] for group in groups}
    except KafkaError as error:
        message = f"Kafka: {error!r}"
        raise UnavailableError(message) from error
    return {
        group: {(place.topic, place.partition): each.offset for place, each in offsets.items() if each.offset >= 0}
        for group, offsets in found.items()
    }


def _admin() -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_timeout_ms=ANSWER_MS, request_timeout_ms=ANSWER_MS, **brokers.access())
