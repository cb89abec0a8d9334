"""Retry requests to brokers that are not ready: a new partition without a leader, a coordinator that still loads."""

import time
from collections.abc import Callable
from time import monotonic

from confluent_kafka import KafkaError, KafkaException

LONGEST_SECONDS = 5.0
PAUSE_SECONDS = 0.1
NOT_READY = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}


def until_ready[Answer](request: Callable[[], Answer]) -> Answer:
    """Return the answer to *request*, which is retried up to LONGEST_SECONDS while the brokers are not ready.

    Raises:
        KafkaException: the brokers are still not ready, or it failed for another reason.
    """
    deadline = monotonic() + LONGEST_SECONDS
    while True:
        try:
            return request()
        except KafkaException as error:
            if error.args[0].code() not in NOT_READY or monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)
