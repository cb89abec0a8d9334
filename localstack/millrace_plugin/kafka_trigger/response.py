"""Parse the partial batch response of `ReportBatchItemFailures` (kafka-retry-configurations, R8 to R10)."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson


class MalformedResponseError(Exception):
    """The answer is no valid partial batch response: the entire batch has failed (R9)."""


def parse_failed_offsets(answer: bytes, sent: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Return the offsets that the function reports as failed, by `<topic>-<partition>`. Empty is success (R8).

    answer: the function's answer, as JSON.
    sent: the offsets in the event, by `<topic>-<partition>`.

    Raises:
        MalformedResponseError: the answer has another shape, or names a record that was not in the event (R9).
    """
    failed: dict[str, set[int]] = {}
    for item in _items(answer):
        label, offset = _identifier(item)
        if offset not in sent.get(label, ()):
            raise MalformedResponseError(f"{label} offset {offset} was not in the event.")
        failed.setdefault(label, set()).add(offset)
    return failed


def _items(answer: bytes) -> list[Any]:
    try:
        response = orjson.loads(answer) if answer.strip() else None
    except orjson.JSONDecodeError as error:
        raise MalformedResponseError(f"The answer is not JSON: {error}") from error
    if not response:
        return []
    if not isinstance(response, dict):
        raise MalformedResponseError(f"The answer is {type(response).__name__}, not an object.")
    items = response.get("batchItemFailures")
    if items is not None and not isinstance(items, list):
        raise MalformedResponseError(f"batchItemFailures is {type(items).__name__}, not a list.")
    return items or []


def _identifier(item: object) -> tuple[str, int]:
    match item:
        case {"itemIdentifier": {"partition": str(label), "offset": int(offset)}} if not isinstance(offset, bool):
            return label, offset
    raise MalformedResponseError(f'{item!r} is not {{"itemIdentifier": {{"partition": "topic-0", "offset": 1}}}}.')
