"""How long an inbox has to remember an event, and what is wrong with a topic's own retention."""

from datetime import timedelta

import pytest
from kafka.errors import KafkaError

from kernel import settings
from kernel.messaging import retention, topic_retention
from kernel.messaging.retention import RetentionProblem, TopicRetention
from tests.kit import topics
from tools import template

DAY_MILLISECONDS = 24 * 60 * 60 * 1000


def days(number: float) -> timedelta:
    return timedelta(days=number)


def topic(kept: float | None, segment: float = 7) -> TopicRetention:
    return TopicRetention("events", None if kept is None else days(kept), days(segment))


@pytest.mark.parametrize(
    ("kept", "age", "expected"),
    [(7, 14, True), (7, 15.9, True), (7, 16, False), (9, 14, False), (0, 0, True), (None, 0, False)],
)
def test_an_inbox_outlasts_an_event_that_is_published_again(kept: float | None, age: float, *, expected: bool) -> None:
    """Its age, the topic's retention and one segment's time together are shorter than the inbox's 30 days."""
    assert retention.outlasts(days(30), topic(kept), days(age)) is expected


def test_a_problem_says_what_to_change() -> None:
    """Each topic whose events come back too late is named, with the least that would do."""
    late, kept = TopicRetention("late", days(10)), TopicRetention("kept", None)

    found = retention.problems([topic(7), late, kept], inbox=days(30), longest_redrive_age=days(14))

    assert found == [RetentionProblem("late", days(31), days(30)), RetentionProblem("kept", None, days(30))]
    assert str(found[0]) == (
        "An event of late can come back for 31 days, and the inbox forgets it after 30: it would be applied twice. "
        "Raise INBOX_RETENTION_DAYS above 31, or lower the topic's retention.ms or LONGEST_REDRIVE_AGE_DAYS."
    )
    assert str(found[1]).startswith("kept keeps its records for ever, and the inbox forgets them after 30 days")


def test_the_declared_topics_have_no_problem_with_the_default_settings() -> None:
    """Every topic that a consumer reads, by the one list and Kafka's usual segments."""
    defaults = settings.Retention.from_environment()
    read = {topic for function in template.FUNCTIONS for topic in function.topics}
    declared = template.topics().items()
    found = [TopicRetention(name, days(each["retention_days"])) for name, each in declared if name in read]

    assert {each.topic for each in found} == read
    assert retention.problems(found, defaults.inbox, defaults.longest_redrive_age) == []


def test_reads_the_topics_own_settings(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compacted topic keeps its records for ever, whatever its retention; so does one without a limit."""
    connect(kafka, monkeypatch)
    own = {"retention.ms": str(5 * DAY_MILLISECONDS), "segment.ms": str(DAY_MILLISECONDS)}
    limited = topics.create(kafka, configuration=own)
    endless = topics.create(kafka, configuration={"retention.ms": "-1"})
    compacted = topics.create(kafka, configuration=own | {"cleanup.policy": "compact"})
    both = topics.create(kafka, configuration=own | {"cleanup.policy": "compact,delete"})

    assert topic_retention.read([limited, endless, compacted, both]) == [
        TopicRetention(limited, days(5), days(1)),
        TopicRetention(endless, None, days(7)),
        TopicRetention(compacted, None, days(1)),
        TopicRetention(both, days(5), days(1)),
    ]
    assert topic_retention.read([]) == []


def test_a_topic_that_keeps_its_records_too_long_is_a_problem(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the settings of this function: 20 + 7 + 14 days are more than 30, and less than 42."""
    connect(kafka, monkeypatch)
    long = topics.create(kafka, configuration={"retention.ms": str(20 * DAY_MILLISECONDS)})

    assert topic_retention.problems([long]) == [RetentionProblem(long, days(41), days(30))]
    monkeypatch.setenv("INBOX_RETENTION_DAYS", "42")
    assert topic_retention.problems([long]) == []


def test_an_absent_topic_is_an_error(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not a topic without a problem."""
    connect(kafka, monkeypatch)

    with pytest.raises(KafkaError, match="settings of absent cannot be read: there is no such topic"):
        topic_retention.read(["absent"])


def connect(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
