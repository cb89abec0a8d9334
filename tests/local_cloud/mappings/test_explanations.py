"""`./millrace mappings explain`: each cause as it really happens, with its sentence and its command."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace_local.deployment import operations
from millrace_local.mappings import pauses, reading, sentences
from millrace_local.mappings.place import Place
from millrace_local.mappings.reading import NoLocalStackError
from millrace_plugin.kafka_trigger.conditions import Condition
from millrace_plugin.status.structures import Mapping
from tests.kit.servers import free_instance
from tests.local_cloud.kafka_trigger.group_member import kafka_python_member, librdkafka_member
from tests.local_cloud.lambda_runtime.conftest import zipped
from tests.local_cloud.mappings.conftest import WELL, Lab, pattern, random_topic

PARTLY: dict[str, Any] = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "ProvisionedPollerConfig": {"MinimumPollers": 1},
}
RAISES = "def handler(event, context):\n    raise KeyError('no such post')"
RETURNS = """
def handler(event, context):
    failed = [{"itemIdentifier": {"partition": label, "offset": each["offset"]}}
              for label, records in event["records"].items() for each in records]
    return {"batchItemFailures": failed}
"""
SLEEPS = "import time\ndef handler(event, context): time.sleep(4)"


def test_a_mapping_that_has_read_everything_waits_and_nothing_is_wrong(lab: Lab) -> None:
    """There is no command: nothing has to be mended."""
    mapped = lab.map()
    mapped.write(3)
    told = mapped.explained_as("idle")

    assert told.sentence == f"It has read {mapped.topic} to the end (lag 0) and waits for new records."
    assert (told.command, told.wrong) == (None, False)


def test_brokers_that_do_not_answer_are_named(lab: Lab) -> None:
    """Since when, and how to start them."""
    told = lab.map(topic="t", bootstrap="127.0.0.1:9").explained_as("no_broker", "since")

    assert told.sentence.startswith("No broker answers at 127.0.0.1:9 since ")
    assert (told.command, told.wrong) == ("./millrace up", True)


def test_a_topic_that_does_not_exist_is_named(lab: Lab) -> None:
    """The mapping waits for it, and says so."""
    topic = random_topic()
    told = lab.map(topic=topic).explained_as("topic_missing", "since")

    assert told.sentence.startswith(f"There is no topic {topic} since ")
    assert (told.command, told.wrong) == ("./millrace down && ./millrace up", True)


def test_a_foreign_consumer_that_has_the_partitions_is_named(lab: Lab) -> None:
    """Client, host and partitions: nobody sees from a lag that another program reads the records."""
    mapped = lab.map(partitions=2)
    mapped.explained_as("idle")
    with kafka_python_member(lab.kafka, mapped.group, mapped.topic) as member:
        assert member.has_joined.wait(60)
        told = mapped.explained_as("partitions_held")

    assert re.fullmatch(
        rf"1 of 2 partitions belong to another member of group {mapped.group}:"
        r" kafka-python-\S+ at \S+ \(partitions [01]\)\.",
        told.sentence,
    )
    port = lab.kafka.rpartition(":")[2]
    assert told.wrong
    assert str(told.command).startswith(f"lsof -nP -iTCP:{port} ")


def test_members_that_share_partitions_another_way_are_told(lab: Lab) -> None:
    """The mapping cannot join, and the sentence has both strategies."""
    other = lab.map()
    other.explained_as("idle")
    pauses.pause(other.place.stage, reading.one(other.place, other.uuid), lambda _: None)
    with librdkafka_member(lab.kafka, other.group, other.topic, "cooperative-sticky") as member:
        assert member.has_joined.wait(30)
        pauses.resume(other.place.stage, reading.one(other.place, other.uuid), lambda _: None)
        told = other.explained_as("group_differs", "cooperative-sticky", "range or")

    assert told.sentence.startswith("It cannot join its group since ")
    assert told.wrong
    assert "lsof" in str(told.command)


def test_a_function_that_does_not_exist_is_named(lab: Lab) -> None:
    """It was deleted, and its mapping is still there."""
    mapped = lab.map()
    lab.functions.delete_function(FunctionName=mapped.function)
    told = mapped.explained_as("function_missing")

    assert told.sentence == f"Its function {mapped.function} does not exist."
    assert (told.command, told.wrong) == ("./millrace down && ./millrace up", True)


def test_a_function_that_could_not_be_created_is_told_with_the_reason(lab: Lab) -> None:
    """What Lambda says of its state."""
    mapped = lab.map()
    lab.functions.delete_function(FunctionName=mapped.function)
    lab.functions.create_function(
        FunctionName=mapped.function,
        Runtime="nodejs22.x",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": zipped({"app.py": WELL})},
    )
    told = mapped.explained_as("function_failed")

    assert told.sentence.startswith(f"Its function {mapped.function} could not be created: ")
    assert "python3.13" in told.sentence
    assert (told.command, told.wrong) == ("./millrace deploy", True)


def test_a_function_that_is_still_being_created_is_told(lab: Lab) -> None:
    """From what the API says, since LocalStack's own state passes in a moment."""
    mapping = Mapping(
        function="f",
        topic="t",
        group="g",
        state="Enabled",
        bootstrap="b:1",
        function_arn="a:b:c:d:e:function:f",
        uuid="u",
        conditions=(Condition(cause="function_pending", detail="The function is being created."),),
    )
    told = sentences.explain(mapping, lab.place)

    assert told.sentence == "Its function f is still being created (The function is being created)."
    assert told.command == "./millrace deploy"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_module\n" + RAISES, ("Runtime.ImportModuleError", "no_such_module")),
        ("def handler(event, context)\n    return 1", ("Runtime.UserCodeSyntaxError", "expected ':'")),
        ("SETTINGS = {}\nTABLE = SETTINGS['table']\n" + RAISES, ("KeyError", "app.py", "line 2")),
        ("def another(event, context): pass", ("Runtime.HandlerNotFound", "handler")),
    ],
    ids=["import", "syntax", "exception", "handler"],
)
def test_a_function_that_fails_at_import_is_told_with_the_line(lab: Lab, source: str, words: tuple[str, ...]) -> None:
    """The error, and the last line of its traceback that is the function's own."""
    mapped = lab.map(source)
    mapped.write(1)
    told = mapped.explained_as("import_failed", *words)

    assert told.sentence.startswith("Its function fails at import, so offset 0 of partition 0 waits since ")
    assert (told.command, told.wrong) == ("./millrace deploy", True)


def test_a_retried_record_is_told_with_its_place_its_attempts_and_the_error(lab: Lab) -> None:
    """Which offset since when, how often, when again, and what the function raised."""
    mapped = lab.map(RAISES)
    mapped.write(2)
    told = mapped.explained_as("retrying", "attempt 2", "next in")

    assert re.fullmatch(
        r"It retries offset 0 of partition 0 since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ \(attempt 2, next in [\d.]+ s\):"
        r" KeyError: 'no such post' \(at .*line 2.*\)\.",
        told.sentence,
    )
    assert (told.command, told.wrong) == ("./millrace logs localstack", True)


def test_a_record_that_the_function_returns_is_told(lab: Lab) -> None:
    """Its own log says why, so the command shows that."""
    mapped = lab.map(RETURNS, **PARTLY)
    mapped.write(2)
    told = mapped.explained_as("retrying", "attempt")

    assert told.sentence.startswith("It retries offset 0 of partition 0 since ")
    assert told.sentence.endswith(", returned by the function, whose log says why.")


def test_an_open_breaker_is_told_instead_of_the_records_that_it_returns(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the consumer's database says of it, as the operation reports it."""
    mapped = lab.map(RETURNS, **PARTLY)
    found = [{"name": f"breaker {mapped.group}", "reason": "It is open.", "command": "./millrace deploy"}]
    monkeypatch.setattr(operations, "run", lambda *_: iter([{"result": found}]))
    mapped.write(2)
    told = mapped.explained_as("breaker_open")

    assert told.sentence.startswith(f"The breaker of {mapped.group} is open, and offset 0 of partition 0 waits since ")
    assert (told.command, told.wrong) == ("./millrace deploy", True)


def test_reserved_concurrency_of_zero_is_told(lab: Lab) -> None:
    """With the command that lifts it."""
    mapped = lab.map()
    lab.functions.put_function_concurrency(FunctionName=mapped.function, ReservedConcurrentExecutions=0)
    mapped.write(1)
    told = mapped.explained_as("concurrency_zero")

    assert told.sentence == f"The reserved concurrency of {mapped.function} is 0, so Lambda refuses every invocation."
    assert told.command == (
        f'eval "$(./millrace env)"; aws lambda delete-function-concurrency --function-name {mapped.function}'
    )
    assert told.wrong


def test_a_throttled_function_is_told_while_nothing_else_is_wrong(lab: Lab) -> None:
    """One invocation at a time, which somebody else has: every batch is refused, since when and how often."""
    mapped = lab.map(SLEEPS)
    lab.functions.put_function_concurrency(FunctionName=mapped.function, ReservedConcurrentExecutions=1)
    lab.functions.invoke(FunctionName=mapped.function, InvocationType="Event")
    mapped.write(1)
    told = mapped.explained_as("refused", "TooManyRequestsException", "attempt")

    assert told.sentence.startswith(f"Lambda refuses to invoke {mapped.function} since ")
    assert told.wrong
    assert "get-function-configuration" in str(told.command)


def test_a_window_that_is_not_full_is_told(lab: Lab) -> None:
    """How many records wait, and when it ends."""
    mapped = lab.map(MaximumBatchingWindowInSeconds=60)
    mapped.write(2)
    told = mapped.explained_as("window_open")

    assert re.fullmatch(
        r"2 records wait for its window of 60 s, which is not full and ends in [\d.]+ s\.", told.sentence
    )
    assert (told.command, told.wrong) == (None, False)


def test_a_destination_that_refuses_is_told_with_its_error(lab: Lab) -> None:
    """The queue does not exist: the records are nowhere, and the reason is the destination's own."""
    queue = f"arn:aws:sqs:us-east-1:000000000000:{random_topic()}"
    mapped = lab.map(
        RAISES,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
        ProvisionedPollerConfig={"MinimumPollers": 1},
    )
    mapped.write(1)
    told = mapped.explained_as("destination_refuses", "does not exist")

    assert told.sentence.startswith("Its on-failure destination refuses offset 0 of partition 0 since ")
    assert told.wrong
    assert mapped.uuid in str(told.command)
    lost = mapped.explained_as("dropped", "were dropped")
    assert lost.wrong
    assert lost.command == "./millrace logs localstack"


def test_a_filter_that_drops_everything_is_told_with_its_counts(lab: Lab) -> None:
    """Nothing is wrong with the mapping, but whoever waits for an effect sees why there is none."""
    mapped = lab.map(FilterCriteria=pattern(type="no-such-type"))
    mapped.write(3, b'{"type": "another"}')
    told = mapped.explained_as("filtered")

    assert told.sentence.startswith("Its filter dropped all 3 records that it has read of ")
    assert (told.command, told.wrong) == (None, False)


def test_a_mapping_that_is_invoking_is_told(lab: Lab) -> None:
    """How many records the function has."""
    mapped = lab.map(SLEEPS)
    mapped.write(2)
    told = mapped.explained_as("invoking")

    assert re.match(rf"It works: {mapped.function} has [12] records since ", told.sentence)
    assert not told.wrong


def test_a_paused_mapping_is_told_with_who_paused_it(lab: Lab) -> None:
    """And by the command that resumes it; one that was disabled by its API says no name."""
    mapped = lab.map()
    mapped.explained_as("idle")
    pauses.pause(mapped.place.stage, reading.one(mapped.place, mapped.uuid), lambda _: None, "for a try")
    told = mapped.explained_as("disabled")

    assert re.fullmatch(r"It is paused since \S+ \S+ for a try by .+, so it reads nothing\.", told.sentence)
    assert (told.command, told.wrong) == (f"./millrace mappings resume {mapped.uuid}", True)

    pauses.resume(mapped.place.stage, reading.one(mapped.place, mapped.uuid), lambda _: None)
    lab.functions.update_event_source_mapping(UUID=mapped.uuid, Enabled=False)
    told = mapped.explained_as("disabled")
    assert " by " not in told.sentence


def test_a_mapping_that_stops_while_its_function_works_is_told(lab: Lab) -> None:
    """The last invocation has to end first."""
    mapped = lab.map(SLEEPS)
    mapped.write(1)
    mapped.explained_as("invoking")
    lab.functions.update_event_source_mapping(UUID=mapped.uuid, Enabled=False)
    told = mapped.explained_as("stopping")

    assert told.sentence.startswith("It is being paused")
    assert not told.wrong


def test_what_should_pass_by_itself_is_wrong_after_two_minutes(lab: Lab) -> None:
    """Starting, joining and stopping are no problem, unless they last."""
    begun = datetime.now(UTC) - timedelta(minutes=3)
    mapping = Mapping(
        function="f",
        topic="t",
        group="g",
        state="Enabled",
        bootstrap="b:1",
        function_arn="a:b:c:d:e:function:f",
        uuid="u",
        conditions=(Condition(cause="joining", since=begun),),
    )

    assert sentences.explain(mapping, lab.place).wrong
    assert "wait" in sentences.explain(mapping, lab.place).sentence


def test_a_localstack_that_is_down_explains_every_mapping(lab: Lab) -> None:
    """Nothing runs without it."""
    nobody = Place(free_instance(lab.place.instance.home / "nobody"))
    with pytest.raises(NoLocalStackError) as down:
        reading.read(nobody)
    told = sentences.without_localstack(nobody, str(down.value))

    assert told.sentence.startswith("LocalStack does not answer, so no topic is read")
    assert str(told.command).startswith("./millrace up")
