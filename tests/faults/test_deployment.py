"""A deployment over a running application."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest

from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

POLL_SECONDS = 0.1
PAUSE_SECONDS = 3
SHOWN = 90  # the newest 100 events are shown, and others may come between


@contextmanager
def polled(url: str) -> Iterator[Counter[str]]:
    """Ask *url* every 100 ms during the block, and count the answers by status or error."""
    answers, over = Counter[str](), threading.Event()

    def poll() -> None:
        # A connection for each request, and one client: each would read the certificates of all authorities.
        with httpx.Client(timeout=60, headers={"Connection": "close"}) as client:
            while not over.wait(POLL_SECONDS):
                try:
                    answers[str(client.get(url).status_code)] += 1
                except httpx.HTTPError as error:
                    answers[repr(error)] += 1

    poller = threading.Thread(target=poll)
    poller.start()
    try:
        yield answers
    finally:
        over.set()
        poller.join()


@pytest.mark.timeout(1200)
def test_another_parameter_reaches_the_functions_while_the_api_answers_and_events_are_processed(cloud: Cloud) -> None:
    """No request fails, LocalStack goes on, and what was posted before, during and after comes out of Postgres.

    The record of what is deployed is damaged, so nothing but the stack tells what is there. The next `up` of this cloud
    brings the parameter back.
    """
    instance = cloud.instance
    other = Cloud(dataclasses.replace(instance, parameters=("RateLimitFactor=999",)))
    process, user, posted = cloud.server("localstack").pid, f"user-{uuid4()}", []

    def post() -> None:
        sent = {"userId": user, "eventType": "PRODUCT_VIEW", "payload": {}}
        posted.append(httpx.post(f"{instance.api_url}/events/generate", json=sent, timeout=60).json()["eventId"])

    (instance.run / "deployed.json").write_text('{"session": ')
    with polled(f"{instance.api_url}/health") as answers:
        deployment = threading.Thread(target=other.millrace, args=("deploy",))
        deployment.start()
        while deployment.is_alive():
            post()
            deployment.join(PAUSE_SECONDS)
        post()
    assert set(answers) == {"200"}, answers
    assert cloud.server("localstack").pid == process

    def processed() -> set[str]:
        events = httpx.get(f"{instance.api_url}/events/processed", timeout=60).json()
        return {event["id"] for event in events if event["user_id"] == user}

    wait_until(lambda: processed() >= set(posted[-SHOWN:]), seconds=120, what="the events to be processed")
