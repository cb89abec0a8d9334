"""kill -9 of a relay's process: its invocation is repeated within seconds, without the next minute of its schedule."""

import contextlib
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest

from millrace_local.deployment import aws, stack
from millrace_local.instance import STACK
from millrace_local.servers.postgres import superuser_url
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

RELAY = "ActivityPublishEvents"
HANDLER = "activity.publish_events.handler"


@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_relay_is_back_without_its_schedule(cloud: Cloud, kills: int) -> None:
    """Its invocation has failed and is repeated, and what was committed meanwhile is published."""
    with without_schedule(cloud):
        invoke(cloud)
        killed: set[int] = set()
        for _ in range(kills):
            wait_until(lambda: connections(cloud) - killed, seconds=120, what="a relay to be at work")  # noqa: B023 - called at once
            killed |= connections(cloud)
            for process in relays(cloud):
                process.kill()

        user = f"user-{uuid4()}"
        with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
            api.post("/events/generate", json={"userId": user, "eventType": "LOGIN"}).raise_for_status()
            wait_until(lambda: user in api.get("/events/processed").text, seconds=120, what="the event to be processed")


@contextlib.contextmanager
def without_schedule(cloud: Cloud) -> Iterator[None]:
    """Keep the schedule from starting relays, so that only the repeated invocation can."""
    resources = aws.client(cloud.instance, "cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId=f"{RELAY}Minute"
    )
    rule, events = resources["StackResourceDetail"]["PhysicalResourceId"], aws.client(cloud.instance, "events")
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def invoke(cloud: Cloud) -> None:
    """Invoke a relay as its schedule does: those that are at work may be about to end."""
    name = stack.function_names(cloud.instance)[RELAY]
    aws.client(cloud.instance, "lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")


def connections(cloud: Cloud) -> set[int]:
    """Return the backends of the relay's role: one for each relay that is at work."""
    with psycopg.connect(superuser_url(cloud.instance)) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'activity_relay'")
        return {int(pid) for (pid,) in found}


def relays(cloud: Cloud) -> list[psutil.Process]:
    """Return the processes that run the activity domain's relay."""
    found = []
    for process in cloud.server("localstack").children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.environ().get("_HANDLER") == HANDLER:
                found.append(process)
    return found
