"""The archive on real servers: each record once and byte for byte, however often and however interrupted it runs."""

import contextlib
import dataclasses
import gzip
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from kernel.errors import ConflictError
from kernel.messaging.topic_log import TopicLog
from operations import archive_events, archiving
from tests.kit import operations, topics
from tests.kit.archives import OwnArchive
from tests.kit.lambda_events import Context
from tests.kit.servers import wait_until

ARCHIVER = Path(__file__).with_name("archiver_process.py")
KILLS = 20


def test_every_record_is_archived_byte_for_byte(archive: OwnArchive) -> None:
    """In files of a range of offsets each, which are named as Confluent names them."""
    archive.produce(0, 250)
    archive.produce(3, 7)

    assert archive.run() == {"records": 257, "files": 4, "problems": {}}

    assert list(archive.objects()) == [archive.key(0, 0), archive.key(0, 100), archive.key(0, 200), archive.key(3, 0)]
    with TopicLog() as log:
        assert list(archive.reader.read(archive.topic, 0, 0, 250)) == list(log.read(archive.topic, 0, 0, 250))
        assert list(archive.reader.read(archive.topic, 3, 0, 7)) == list(log.read(archive.topic, 3, 0, 7))


def test_a_run_without_new_records_writes_nothing(archive: OwnArchive) -> None:
    archive.produce(0, 150)
    archive.run()
    written = archive.client.list_objects_v2(Bucket=archive.name)["Contents"]

    assert archive.run() == {"records": 0, "files": 0, "problems": {}}
    assert archive.client.list_objects_v2(Bucket=archive.name)["Contents"] == written


def test_an_open_file_is_written_again_under_its_name(archive: OwnArchive) -> None:
    """In the end it has the bytes that one run alone would have given it."""
    for count in (30, 50, 90):
        archive.produce(1, count)
        archive.run()
    several = {key: archive.content(key) for key in archive.objects()}
    archive.client.delete_object(Bucket=archive.name, Key=f"positions/{archive.topic}.json")
    for key in several:
        archive.client.delete_object(Bucket=archive.name, Key=key)

    archive.run()

    assert {key: archive.content(key) for key in archive.objects()} == several
    assert archive.offsets(1) == list(range(170))


def test_records_that_come_during_a_run_are_the_next_ones(archive: OwnArchive) -> None:
    """Otherwise a run would not end as long as somebody writes."""
    archive.produce(0, 150)
    first = operations.part(archive_events.handler)
    archive.produce(0, 200)

    answer = operations.part(archive_events.handler, first["next"])
    while answer["next"]:
        answer = operations.part(archive_events.handler, answer["next"])

    assert (answer["done"], answer["total"], archive.offsets(0)) == (150, 150, list(range(150)))
    archive.run()
    assert archive.offsets(0) == list(range(350))


def test_all_partitions_take_turns(archive: OwnArchive) -> None:
    """A backlog of one does not let the others wait until retention deletes them."""
    archive.produce(0, 300)
    archive.produce(1, 50)
    first = operations.part(archive_events.handler)

    operations.part(archive_events.handler, first["next"])

    assert list(archive.objects()) == [archive.key(0, 0), archive.key(1, 0)]


def test_a_file_without_its_position_is_found(archive: OwnArchive) -> None:
    """A run that was killed between the two writes is followed by one that goes on after the file."""
    archive.produce(0, 40)
    archive.run()
    [positions] = [each for each in keys(archive) if each.startswith("positions/")]
    old = archive.content(positions)
    archive.produce(0, 220)
    archive.run()
    files = archive.objects()
    archive.client.put_object(Bucket=archive.name, Key=positions, Body=old)

    assert archive.run()["records"] == 0
    assert archive.objects() == files
    archive.client.delete_object(Bucket=archive.name, Key=positions)
    archive.produce(0, 5)
    assert archive.run()["records"] == 5
    assert archive.offsets(0) == list(range(265))


def test_two_runs_at_once_write_each_record_once(archive: OwnArchive) -> None:
    """The second one finds that a file has changed since it was read, and reads it again."""
    archive.produce(0, 250)
    with TopicLog() as log:
        mine, other = (archiving.TopicArchive(log, archive.bucket, archive.topic) for _ in range(2))
        ends = [each.step(0, 250).next for _ in range(4) for each in (mine, other)]

    assert ends[-1] == 250
    assert archive.offsets(0) == list(range(250))


def test_a_write_over_another_runs_file_is_refused(archive: OwnArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """By S3 itself, between the reading and the writing of the file."""
    archive.produce(0, 30)
    archive.run()
    archive.produce(0, 30)
    copy = archiving.TopicArchive._copy

    def interrupted(self: archiving.TopicArchive, *arguments: object) -> None:
        monkeypatch.setattr(archiving.TopicArchive, "_copy", copy)
        copy(self, *arguments)  # type: ignore[arg-type]
        archive.produce(0, 30)
        archive.run()

    monkeypatch.setattr(archiving.TopicArchive, "_copy", interrupted)

    archive.run()

    assert archive.offsets(0) == list(range(90))


def test_what_retention_deleted_is_named_until_it_is_acknowledged(archive: OwnArchive) -> None:
    """The archive goes on after it. What was archived before stays."""
    archive.produce(0, 50)
    archive.run()
    archive.produce(0, 300)
    archive.delete_before(0, 220)
    lost = f"{archive.topic}, partition 0: offsets 50 to 219 were deleted before they were archived."

    assert archive.error().startswith(lost)
    assert archive.offsets(0) == [*range(50), *range(220, 350)]
    assert archive.error().startswith(lost)
    assert [(each.first, each.last) for each in archive.reader.gaps(archive.topic)] == [(50, 219)]
    assert archive.run(acknowledge="the archive was switched off")["problems"] == {}
    archive.produce(0, 100)
    archive.run()
    assert [each.offset for each in archive.reader.read(archive.topic, 0, 0, 450)] == [*range(50), *range(220, 450)]
    assert archive.verify()["acknowledged"] == 1


def test_a_gap_within_a_file_leaves_what_the_file_had(archive: OwnArchive) -> None:
    archive.produce(0, 20)
    archive.run()
    archive.produce(0, 30)
    archive.delete_before(0, 40)

    assert "offsets 20 to 39" in archive.error()
    assert archive.offsets(0) == [*range(20), *range(40, 50)]


def test_an_archive_begins_where_its_topic_does(archive: OwnArchive) -> None:
    """What was deleted before the first run is no gap."""
    archive.produce(0, 170)
    archive.delete_before(0, 130)

    archive.run()

    assert list(archive.objects()) == [archive.key(0, 100)]
    assert archive.reader.ranges(archive.topic) == {0: range(130, 170)}
    with pytest.raises(ConflictError, match="offset 129 is not in the archive"):
        list(archive.reader.read(archive.topic, 0, 129, 170))


def test_compaction_leaves_gaps_that_are_none(archive: OwnArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archived record stays; the offsets of those that were compacted before have no line."""
    topic = topics.create(archive.bootstrap, partitions=1, configuration=topics.COMPACTED)
    monkeypatch.setattr("operations.topics.names", lambda: [topic])
    compacted = dataclasses.replace(archive, topic=topic)
    compacted.produce(0, 250)
    with TopicLog() as log:

        def is_compacted() -> bool:
            compacted.produce(0, 1)  # the segment being written is never compacted
            return len(list(log.read(topic, 0, 0, 250))) < 250

        wait_until(is_compacted, seconds=60, what="the topic to be compacted")
        compacted.run()
        end = log.ranges(topic)[0].stop

    assert compacted.reader.ranges(topic) == {0: range(end)}
    assert len(compacted.offsets(0)) < end
    assert len(compacted.objects()) == -(-end // 100)
    compacted.produce(0, 3)
    compacted.run()
    assert compacted.verify()["missing"] == compacted.verify()["gaps"] == 0


def test_a_topic_that_was_created_again_is_refused(archive: OwnArchive) -> None:
    """Its offsets begin again, and would be taken for archived ones."""
    archive.produce(0, 50)
    archive.run()
    before = archive.objects()
    admin = AdminClient({"bootstrap.servers": archive.bootstrap})
    admin.delete_topics([archive.topic])[archive.topic].result(30)

    def created() -> bool:
        with contextlib.suppress(KafkaException):
            admin.create_topics([NewTopic(archive.topic, 4, 1)])[archive.topic].result(30)
            return True
        return False

    wait_until(created, what="the topic to be created again")
    archive.produce(0, 80)

    assert f"{archive.topic} was deleted and created again" in archive.error()
    assert f"Move its objects in the bucket away (topics/{archive.topic}/" in archive.error()
    assert archive.objects() == before
    assert archive.verify()["another"] == 1


def test_a_problem_of_one_topic_does_not_stop_the_others(archive: OwnArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.produce(0, 50)
    monkeypatch.setattr("operations.topics.names", lambda: ["absent-events", archive.topic])

    assert "There is no topic absent-events" in archive.error()
    assert archive.offsets(0) == list(range(50))


def test_an_unknown_topic_is_refused(archive: OwnArchive) -> None:
    answer = archive_events.handler({"topic": ["nothing-events"]}, Context(milliseconds=operations.LONGEST))

    assert answer["error"]["fields"] == [
        {"path": "topic[0]", "message": f"There is no topic nothing-events. There are: {archive.topic}."}
    ]


def test_an_expired_open_file_is_written_from_what_the_topic_has(archive: OwnArchive) -> None:
    """A topic that nobody wrote to for as long as files are kept."""
    archive.produce(0, 50)
    archive.run()
    archive.client.delete_object(Bucket=archive.name, Key=archive.key(0, 0))
    archive.produce(0, 5)

    archive.run()

    assert archive.offsets(0) == list(range(55))


def test_a_file_that_was_replaced_by_an_older_one_is_refused(archive: OwnArchive) -> None:
    archive.produce(0, 50)
    archive.run()
    about = archive.client.head_object(Bucket=archive.name, Key=archive.key(0, 0))["Metadata"]
    archive.client.put_object(
        Bucket=archive.name, Key=archive.key(0, 0), Body=gzip.compress(b""), Metadata=about | {"next-offset": "20"}
    )
    archive.produce(0, 5)

    assert "ends before offset 20, and 49 had been archived" in archive.error()


def test_large_records_end_a_step_before_its_file_does(archive: OwnArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "STEP_BYTES", 50_000)
    monkeypatch.setattr(archiving, "MEMORY_BYTES", 1_000)
    archive.produce(0, 50, size=10_000)

    assert archive.run()["files"] > 5
    assert archive.offsets(0) == list(range(50))


def test_records_are_found_by_their_time(archive: OwnArchive) -> None:
    archive.produce(0, 150)
    archive.run()
    times = [each.timestamp for each in archive.reader.read(archive.topic, 0, 0, 150)]

    found = list(archive.reader.read_between(archive.topic, 0, times[0], times[-1]))

    assert [each.timestamp for each in found] == [each for each in times if each < times[-1]]
    assert list(archive.reader.read_between(archive.topic, 0, times[-1] + 1, times[-1] + 1000)) == []


def test_a_run_that_is_killed_at_any_point_loses_and_doubles_nothing(archive: OwnArchive) -> None:
    """Twenty processes are killed at random points, while records come; then one run ends the work."""
    for _ in range(KILLS):
        archive.produce(0, 120)
        archive.produce(1, 130)
        process = subprocess.Popen([sys.executable, ARCHIVER, archive.topic], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        threading.Event().wait(random.uniform(0, 0.5))  # noqa: S311 - a point in time
        process.kill()
        process.wait()
        process.stdout.close()
    archive.run()

    findings = archive.verify()
    assert (findings["archived"], findings["same"], findings["examples"]) == (KILLS * 250, KILLS * 250, [])
    assert archive.offsets(0) == list(range(KILLS * 120))
    assert archive.offsets(1) == list(range(KILLS * 130))


def keys(archive: OwnArchive) -> list[str]:
    return [each["Key"] for each in archive.client.list_objects_v2(Bucket=archive.name)["Contents"]]
