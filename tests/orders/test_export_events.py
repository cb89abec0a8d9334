"""The orders' events in a file, as they were published: what a replay from the event store reads."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from moto.s3 import models

from kernel.aws import uploads
from kernel.messaging import envelope, markers
from kernel.messaging.log_record import LogRecord
from kernel.messaging.outbox import decode_headers
from orders import announcements
from orders.export_events import handler
from tests.kit import operations
from tests.kit.aws import Aws
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.orders.customers import GUEST, Customer, hear, payment

BUCKET = "archive"
# What the store does not keep, or keeps otherwise: the outbox's row is some microseconds younger.
NOT_KEPT = {"ce_correlationid", "traceparent", "ce_time"}


@pytest.fixture(autouse=True)
def bucket(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> str:
    aws.client("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setenv("ARCHIVE_BUCKET", BUCKET)
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    return BUCKET


def files(aws: Aws) -> dict[str, list[LogRecord]]:
    """Return the records of each file to replay."""
    client = aws.client("s3")
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    found = {}
    for key in keys:
        if key.endswith(".jsonl.gz"):
            content = gzip.decompress(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
            found[key] = [envelope.decode(line) for line in content.splitlines()]
    return found


def exported(aws: Aws, **command: object) -> list[LogRecord]:
    result = operations.run(handler, **command)
    records = files(aws)[f"replays/{result['file']}.jsonl.gz"]
    assert result["events"] == len(records)
    return records


def published(orders: Database) -> list[tuple[Any, ...]]:
    """Return what the outbox has of orders, each order's events in sequence."""
    rows = orders.rows("SELECT key, value, headers::text FROM outbox WHERE topic = 'order-events' ORDER BY key, id")
    return [(key, value, kept(decode_headers(headers))) for key, value, headers in rows]


def kept(headers: Any) -> list[tuple[str, bytes]]:  # noqa: ANN401 - of a message or a record
    return sorted((name, value) for name, value in headers if name not in NOT_KEPT)


def told(records: list[LogRecord]) -> list[tuple[Any, ...]]:
    return sorted(((each.key, each.value, kept(each.headers)) for each in records), key=lambda each: each[0] or b"")


def some_orders(ada: Customer) -> list[UUID]:
    placed = [ada.order(number) for number in range(1, 8)]
    GUEST.create({"amount": 500})
    hear(payment(placed[0], "paid"), payment(placed[1], "failed"), payment(placed[2], "paid"))
    ada.cancel(placed[0])
    return placed


def test_a_line_is_what_was_published(
    orders: Database, ada: Customer, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, value, id and the other headers of the outbox; the time is the event's; each order's events are in order."""
    monkeypatch.setattr(announcements, "PAGE", 3)
    some_orders(ada)

    records = exported(aws)

    assert told(records) == published(orders)
    assert [each.offset for each in records] == list(range(len(records)))
    times = {str(at.timestamp()) for (at,) in orders.rows("SELECT recorded_at FROM order_events")}
    stamped = {str(datetime.fromisoformat(dict(each.headers)["ce_time"].decode()).timestamp()) for each in records}  # type: ignore[union-attr]  # the header has a value
    assert stamped == times


def test_older_events_have_an_id_of_order_and_version(orders: Database, ada: Customer, aws: Aws) -> None:
    """The same in each export, marked, and counted."""
    placed = some_orders(ada)
    with orders.connect() as connection:
        connection.execute("UPDATE order_events SET event_id = NULL WHERE order_id = %s", (placed[0],))

    first, again = exported(aws), exported(aws)

    assert first == again
    marked = [each for each in first if (markers.DERIVED_ID, b"1") in each.headers]
    ids = [(b"ce_id", str(announcements.derive_id(placed[0], version)).encode()) for version in (1, 2, 3)]
    assert [(b"ce_id", dict(each.headers)["ce_id"]) for each in marked] == ids
    assert operations.run(handler)["derived_ids"] == 3


def test_chooses_by_order_and_time(orders: Database, ada: Customer, aws: Aws) -> None:
    """`--since` and `--until` are about when an event was stored."""
    placed = some_orders(ada)
    [(paid_at,)] = orders.rows("SELECT recorded_at FROM order_events WHERE order_id = %s AND version = 2", placed[0])

    assert len(exported(aws, key=str(placed[0]))) == 3
    assert len(exported(aws, key=str(placed[0]), since=paid_at.isoformat())) == 2
    assert len(exported(aws, key=str(placed[0]), until=paid_at.isoformat())) == 1
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    before = len(files(aws))
    assert operations.run(handler, since=later, until=None) == {"file": None, "events": 0, "derived_ids": 0}
    assert len(files(aws)) == before


def test_refuses_an_empty_period(orders: Database) -> None:
    """Nobody means that."""
    at = datetime.now(UTC).isoformat()

    answer = handler({"since": at, "until": at}, Context())

    assert "nothing lies between" in answer["error"]["fields"][0]["message"]
    assert orders.rows("SELECT FROM outbox") == []


@pytest.mark.parametrize("least_part", [1, 100_000])
def test_goes_on_where_a_part_ended_and_leaves_no_half_file(
    orders: Database, ada: Customer, aws: Aws, monkeypatch: pytest.MonkeyPatch, least_part: int
) -> None:
    """Each part's answer is lost once. The file is there after the last part, with each event once."""
    monkeypatch.setattr(announcements, "PAGE", 2)
    monkeypatch.setattr(uploads, "LEAST_PART", least_part)
    some_orders(ada)
    answers = [operations.part(handler)]
    while answers[-1]["next"]:
        assert files(aws) == {}
        answers += [operations.part(handler, answers[-1]["next"]) for _ in range(2)]

    [(key, records)] = files(aws).items()
    assert key == f"replays/{answers[-1]['result']['file']}.jsonl.gz"
    assert told(records) == published(orders)
    assert (answers[-1]["done"], answers[-1]["total"]) == (8, 8)


def test_what_is_ordered_after_the_beginning_is_not_in_the_file(
    ada: Customer, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the export takes."""
    monkeypatch.setattr(announcements, "PAGE", 2)
    placed = [ada.order() for _ in range(5)]
    begun = operations.part(handler)
    ada.order()
    ada.cancel(placed[4])

    result = operations.finish(handler, begun["next"])

    assert result["events"] == 5
    assert len(files(aws)[f"replays/{result['file']}.jsonl.gz"]) == 5
