"""kill -9 of a relay's process: the next one works within seconds, not only when its schedule's next minute comes."""

import contextlib
import time
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.cloud import Cloud
from tests.servers import wait_until

HANDLER = "activity.publish_events.handler"
# The schedule starts a relay at a full minute: one that is killed here has to be back long before it.
FIRST_SECONDS = range(2, 20)


@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_relay_is_back_before_its_schedule_starts_one(cloud: Cloud, kills: int) -> None:
    """Its invocation has failed and is repeated, and what was committed meanwhile is published."""
    wait_until(lambda: _is_early_in_a_minute() and relays(cloud), seconds=120, what="a minute to begin")
    minute = time.time() // 60
    for _ in range(kills):
        wait_until(lambda: relays(cloud), what="a relay")
        for process in relays(cloud):
            process.kill()

    user = f"user-{uuid4()}"
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
        api.post("/events/generate", json={"userId": user, "eventType": "LOGIN"}).raise_for_status()
        wait_until(lambda: user in api.get("/events/processed").text, seconds=60, what="the event to be processed")

    assert time.time() // 60 == minute


def relays(cloud: Cloud) -> list[psutil.Process]:
    """Return the processes that run the activity domain's relay."""
    found = []
    for process in cloud.server("localstack").children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.environ().get("_HANDLER") == HANDLER:
                found.append(process)
    return found


def _is_early_in_a_minute() -> bool:
    return int(time.time() % 60) in FIRST_SECONDS
