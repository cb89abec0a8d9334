"""Where consumer groups are in their topics, as Kafka keeps it."""

import contextlib
import time
from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, KafkaError, NotCoordinatorError

from kernel.errors import UnavailableError
from kernel.messaging import brokers

ANSWER_MS = 5_000
# A coordinator is found again after a broker has failed, or when a cluster has its very first group.
COORDINATOR_SECONDS = 10
BETWEEN_SECONDS = 0.2
NOT_READY = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)


def committed(groups: Iterable[str]) -> dict[str, dict[tuple[str, int], int]]:
    """Return for each group the next offset that it reads, by topic and partition. A group without any has none.

    Raises UnavailableError when no broker answers.
    """
    try:
        with contextlib.closing(_admin()) as admin:
            # One by one: MSK's older brokers take one group in a request.
            found = {group: _offsets(admin, group) for group in groups}
    except KafkaError as error:
        message = f"Kafka: {error!r}"
        raise UnavailableError(message) from error
    return {
        group: {(place.topic, place.partition): each.offset for place, each in offsets.items() if each.offset >= 0}
        for group, offsets in found.items()
    }


def _offsets(admin: KafkaAdminClient, group: str) -> dict[Any, Any]:
    end = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            offsets: dict[Any, Any] = admin.list_group_offsets({group: None})[group]
        except NOT_READY:
            if time.monotonic() > end:
                raise
            time.sleep(BETWEEN_SECONDS)
        else:
            return offsets


def _admin() -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_timeout_ms=ANSWER_MS, request_timeout_ms=ANSWER_MS, **brokers.access())
