"""kill -9 of each part of the local cloud, one at a time, in the middle of 5,000 events."""

import threading

import pytest

from tests.cloud import Cloud
from tests.end_to_end.history import History, lag, producer
from tests.faults.servers import FAULTS, Fault, has_recovered
from tests.servers import wait_until

BATCHES = 25
EVENTS_PER_BATCH = 200


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_nothing_is_lost_doubled_or_wrongly_dead_lettered(cloud: Cloud, fault: Fault) -> None:
    """After the killed part is back by itself, each good event is applied once and only malformed ones are dead letters."""
    bootstrap, database = cloud.instance.kafka_bootstrap, cloud.environment()["DATABASE_URL_ACTIVITY"]
    history = History()
    killer = threading.Thread(target=fault, args=[cloud])
    with producer(bootstrap) as client:
        for batch in range(BATCHES):
            if batch == BATCHES // 3:
                killer.start()
            history.produce(client, EVENTS_PER_BATCH)
    killer.join()

    wait_until(lambda: has_recovered(cloud), seconds=120, what="the cloud to recover")
    wait_until(lambda: lag(bootstrap) == 0, seconds=60, what="the consumer group to reach the end")
    assert history.applied(database) == history.good
    wait_until(lambda: len(history.dead_letters(bootstrap)) >= len(history.poison), seconds=60, what="the dead letters")
    letters = history.dead_letters(bootstrap)
    assert {coordinates: value for coordinates, value, _ in letters} == history.poison
    # At least once on the topic: a relay that was killed before its mark repeats what it published.
    assert len({headers["dlq_id"] for _, _, headers in letters}) == len(history.poison)
    assert all(mapping["state"] == "Enabled" for mapping in cloud.status()["mappings"])
