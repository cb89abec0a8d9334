"""Whether an archive has what its topic has: each kind of fault is found, counted and placed."""

import gzip

import pytest

from kernel.messaging import envelope
from kernel.messaging.log_record import LogRecord
from operations import verify_archive
from operations.archive_files import File
from operations.verification import compare
from tests.kit import operations
from tests.kit.archives import OwnArchive
from tests.kit.lambda_events import Context

FILE = File("blog-events", 0, 0)


def records(*offsets: int, value: bytes = b"v") -> list[LogRecord]:
    return [LogRecord("blog-events", 0, offset, 1_790_000_000_000, b"k", value, []) for offset in offsets]


@pytest.mark.parametrize(
    ("archived", "live", "expected"),
    [
        (records(0, 1, 2), records(0, 1, 2), {"archived": 3, "same": 3}),
        (records(0, 1, 2), records(1, 2), {"archived": 3, "same": 2, "deleted": 1}),
        (records(0, 2), records(0, 1, 2), {"archived": 2, "same": 2, "missing": 1}),
        (records(0), records(0, 1, 2), {"archived": 1, "same": 1, "missing": 2}),
        ([], records(0, 1), {"missing": 2}),
        (records(0, 1, 1), records(0, 1), {"archived": 3, "same": 2, "doubled": 1}),
        (records(1, 0), records(0, 1), {"archived": 2, "same": 1, "doubled": 1, "missing": 1}),
        (records(0, value=b"w"), records(0), {"archived": 1, "differing": 1}),
        (records(0, 99), records(0), {"archived": 2, "same": 1, "misplaced": 1}),
    ],
)
def test_each_kind_of_fault_is_counted(
    archived: list[LogRecord], live: list[LogRecord], expected: dict[str, int]
) -> None:
    found = compare(archived, iter(live), FILE, range(10))

    assert {name: count for name in expected if (count := getattr(found, name))} == expected
    faults = {"differing", "missing", "doubled", "misplaced"}
    assert len(found.examples) == sum(count for name, count in expected.items() if name in faults)


def test_an_archive_is_the_same_as_its_topic(archive: OwnArchive) -> None:
    """Also while the topic has more records by now, and fewer."""
    archive.produce(0, 250)
    archive.produce(2, 30)
    archive.run()
    archive.produce(0, 30)
    archive.delete_before(0, 90)

    found = archive.verify()

    assert {name: value for name, value in found.items() if value} == {"archived": 280, "same": 190, "deleted": 90}


def test_every_fault_of_a_file_is_named_with_its_place(archive: OwnArchive) -> None:
    archive.produce(0, 300)
    archive.run()
    key = archive.key(0, 100)
    lines = archive.objects()[key].splitlines()
    changed = envelope.encode(envelope.decode(lines[30])._replace(value=b"changed"))
    archive.rewrite(key, [*lines[:20], *lines[21:30], changed, *lines[31:], lines[50]])

    found = archive.verify()

    assert (found["missing"], found["differing"], found["doubled"], found["same"]) == (1, 1, 1, 298)
    place = f"{archive.topic}, partition 0, offset"
    assert found["examples"] == [
        f"{kind}: {place} {offset}, {key}" for kind, offset in (("missing", 120), ("differing", 130), ("doubled", 150))
    ]


def test_a_file_that_is_gone_is_named(archive: OwnArchive) -> None:
    """Lifecycle deletes the oldest first: a hole between two files was made by somebody."""
    archive.produce(0, 300)
    archive.run()
    archive.client.delete_object(Bucket=archive.name, Key=archive.key(0, 100))

    found = archive.verify()

    assert (found["absent"], found["same"]) == (1, 200)
    assert found["examples"] == [f"absent: {archive.topic}, partition 0, offsets 100 to 199, {archive.key(0, 100)}"]


def test_a_gap_is_named_as_one_and_not_as_missing(archive: OwnArchive) -> None:
    archive.produce(0, 50)
    archive.run()
    archive.produce(0, 200)
    archive.delete_before(0, 230)
    archive.error()

    found = archive.verify()

    assert (found["gaps"], found["absent"], found["missing"], found["archived"]) == (1, 0, 0, 70)
    assert found["examples"] == [f"gap: {archive.topic}, partition 0, offsets 50 to 229"]


def test_a_line_that_is_no_record_is_an_error_that_names_it(archive: OwnArchive) -> None:
    archive.produce(0, 10)
    archive.run()
    archive.rewrite(archive.key(0, 0), [b"{}"])

    answer = verify_archive.handler({}, Context(milliseconds=operations.LONGEST))

    assert f"{archive.key(0, 0)}, line 1: The line is not a record's envelope" in answer["error"]["message"]


def test_a_damaged_file_is_an_error_that_names_it(archive: OwnArchive) -> None:
    archive.produce(0, 10)
    archive.run()
    about = archive.client.head_object(Bucket=archive.name, Key=archive.key(0, 0))["Metadata"]
    body = gzip.compress(b"x" * 1000)[:-12]
    archive.client.put_object(Bucket=archive.name, Key=archive.key(0, 0), Body=body, Metadata=about)

    answer = verify_archive.handler({}, Context(milliseconds=operations.LONGEST))

    assert archive.key(0, 0) in answer["error"]["message"]


def test_goes_on_file_by_file(archive: OwnArchive) -> None:
    archive.produce(0, 250)
    archive.produce(1, 10)
    archive.run()
    answer, parts = operations.part(verify_archive.handler), 1
    while answer["next"]:
        answer, parts = operations.part(verify_archive.handler, answer["next"]), parts + 1

    assert (parts, answer["done"], answer["total"], answer["result"][archive.topic]["same"]) == (5, 4, 4, 260)


def test_a_topic_that_is_not_archived_is_refused(archive: OwnArchive) -> None:
    """The error names those that are."""
    archive.produce(0, 1)
    archive.run()

    answer = verify_archive.handler({"topic": ["absent-events"]}, Context(milliseconds=operations.LONGEST))

    assert answer["error"]["message"] == f"Nothing of absent-events is archived. Archived are: {archive.topic}."
