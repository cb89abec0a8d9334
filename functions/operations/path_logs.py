"""The functions' log lines about an event, for `trace_event`: from CloudWatch Logs, which LocalStack has as well."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec

from kernel import settings

# A page has up to 10,000 lines or 1 MB.
MOST_PAGES = 10
# The function's clock is not the database's, and the line is written when the request ends.
TOLERANCE = timedelta(seconds=60)

type Line = dict[str, Any]


def requests(domains: list[str], id_: str, since: datetime, until: datetime) -> tuple[list[Line], list[str]]:
    """Return the log lines of the requests with the correlation or gateway id *id_*, and what could not be read."""
    with ThreadPoolExecutor(len(domains)) as pool:
        found = list(pool.map(lambda domain: about(domain, id_, since - TOLERANCE, until + TOLERANCE), domains))
    lines = [each for several, _ in found for each in several if each.get("message") == "request"]
    mine = [each for each in lines if id_ in {each.get("correlation_id"), each.get("gateway_id")}]
    return sorted(mine, key=lambda each: str(each.get("timestamp"))), [note for _, note in found if note]


def about(domain: str, phrase: str, since: datetime, until: datetime) -> tuple[list[Line], str | None]:
    """Return the JSON lines of the domain's functions that contain *phrase*, and why some are missing, or None."""
    import boto3  # noqa: PLC0415 - 300 ms that an event without logs need not wait for
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    group = f"/millrace/{settings.text('STAGE')}/{domain}"
    lines: list[Line] = []
    try:
        pages = boto3.session.Session().client("logs").get_paginator("filter_log_events")
        found = pages.paginate(
            logGroupName=group,
            startTime=round(since.timestamp() * 1000),
            endTime=round(until.timestamp() * 1000),
            filterPattern=f'"{phrase}"',
        )
        for number, page in enumerate(found, 1):
            for event in page["events"]:
                lines += _line(event["message"])
            if number == MOST_PAGES:
                return lines, f"The log group {group} has more lines about {phrase}; the first pages were read."
    except (BotoCoreError, ClientError) as error:
        return lines, f"The log group {group} was not read: {error}."
    return lines, None


def _line(message: str) -> Iterator[Line]:
    """Yield the JSON object in a log line, which may have a prefix, or be something else."""
    start = message.find("{")
    with contextlib.suppress(msgspec.DecodeError):
        if start >= 0:
            yield msgspec.json.decode(message[start:], type=Line)
