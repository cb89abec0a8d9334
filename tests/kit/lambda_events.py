"""What Lambda gives to handlers: API Gateway's requests, batches of Kafka records, and the context."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4


@dataclass
class Context:
    """*milliseconds*: what remains until the deadline; it does not pass."""

    aws_request_id: str = "request-of-the-test"
    milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def request(  # noqa: PLR0913 - what a request consists of
    body: object = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    address: str | None = None,
) -> dict[str, Any]:
    """Return a request as API Gateway passes it on.

    *body*: sent as it is if it is text, as JSON otherwise.
    *address*: the client's; None for one that no other request has.
    """
    return {
        "httpMethod": method,
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "isBase64Encoded": False,
        "queryStringParameters": query,
        "pathParameters": path,
        "requestContext": {"requestId": str(uuid4()), "identity": {"sourceIp": address or str(uuid4())}},
    }


def record(
    value: bytes | None,
    offset: int = 0,
    *,
    partition: int = 0,
    key: bytes | None = b"key",
    headers: Sequence[tuple[str, bytes]] = (),
) -> dict[str, Any]:
    """A record as the mapping writes it: base64, header bytes as signed numbers, what is null left out."""
    signed = [{name: [byte - 256 if byte > 127 else byte for byte in value]} for name, value in headers]
    found: dict[str, Any] = {
        "topic": "events",
        "partition": partition,
        "offset": offset,
        "timestamp": 1_700_000_000_000 + offset,
        "timestampType": "CREATE_TIME",
        "headers": signed,
    }
    texts = {"key": key, "value": value}
    return found | {name: b64encode(content).decode() for name, content in texts.items() if content is not None}


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    """The records, by partition."""
    partitions: dict[str, list[dict[str, Any]]] = {}
    for each in records:
        partitions.setdefault(f"{each['topic']}-{each['partition']}", []).append(each)
    return {"eventSource": "aws:kafka", "records": partitions}


def failures(*places: tuple[int, int]) -> dict[str, Any]:
    """The answer that gives back the records at these partitions and offsets."""
    return {
        "batchItemFailures": [
            {"itemIdentifier": {"partition": f"events-{partition}", "offset": offset}} for partition, offset in places
        ]
    }


def user_event(event_id: UUID | None = None, **changes: object) -> bytes:
    """A UserEvent as an existing client writes it."""
    event = {
        "eventId": str(event_id or uuid4()),
        "userId": "user123",
        "eventType": "LOGIN",
        "timestamp": "2026-11-21T06:00:00.000Z",
        "payload": {"example": "data"},
    }
    return json.dumps(event | changes).encode()
