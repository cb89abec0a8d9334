"""Write events to CloudWatch Logs, and create missing groups and streams."""

import contextlib
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

Client = Any  # boto3 makes its clients at run time: they have no types
MOST_EVENTS = 10_000  # in one PutLogEvents


def put_log_events(client: Client, group: str, stream: str, events: Sequence[Any], most: int = MOST_EVENTS) -> None:
    """Write events to a stream. Creates the group and the stream if they are missing.

    events: the oldest first, as PutLogEvents takes them.
    most: events in one request.
    """
    names = {"logGroupName": group, "logStreamName": stream}
    for some in itertools.batched(events, most, strict=False):
        put = partial(client.put_log_events, **names, logEvents=list(some))
        try:
            put()
        except client.exceptions.ResourceNotFoundException:
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_group(logGroupName=group)
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_stream(**names)
            put()
