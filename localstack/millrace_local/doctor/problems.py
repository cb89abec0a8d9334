"""Find everything that is wrong now."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from millrace_local.cloud.status import Status, status
from millrace_local.deployment import operations, stack
from millrace_local.deployment.operations import Kept
from millrace_local.instance import APPLICATION
from millrace_local.mappings import reading, sentences
from millrace_local.mappings.place import Place
from millrace_local.mappings.reading import NoLocalStackError
from millrace_local.problems import LocalCloudError

OPERATION = "operations.report_problems"
SECONDS = 5


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong. *command*: what mends it, or shows more."""

    name: str
    reason: str
    command: str


def find(place: Place) -> list[Problem]:
    """Return what is wrong: of the servers first, since they explain the rest."""
    found = list(_of_local_cloud(status(place.instance, SECONDS))) if place.is_local else []
    try:
        mappings = reading.read(place)
    except NoLocalStackError as error:
        down = sentences.without_localstack(place, str(error))
        return [*found, Problem(name=down.name, reason=down.sentence, command=down.command or "")]
    found += _of_stack(place)
    found += _of_mappings(sentences.explain(each, place) for each in mappings)
    found += _of_rules(place)
    found += _of_contents(place)
    return found


def _of_local_cloud(found: Status) -> Iterator[Problem]:
    """Yield what is wrong with the servers, the topics and the functions."""
    for part in found.parts:
        if part.problem:
            command = "df -h" if part.name == "disk" else "./millrace up"
            yield Problem(name=part.name, reason=part.problem, command=command)
    if any(part.name == "kafka" and part.problem for part in found.parts):
        return
    for topic in found.topics:
        if topic.problem:
            yield Problem(name=topic.name, reason=topic.problem, command="./millrace down && ./millrace up")
    for function in found.functions or ():
        if function.problem:
            command = "./millrace down && ./millrace up" if function.state == "missing" else "./millrace deploy"
            yield Problem(name=function.name, reason=function.problem, command=command)


def _of_stack(place: Place) -> Iterator[Problem]:
    """Yield that a stage on AWS is not served by a whole stack. The local one's is a part of the status."""
    if place.is_local:
        return
    name = f"{APPLICATION}-{place.stage.name}"
    try:
        [found] = place.stage.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        yield Problem(name=name, reason=f"The stack cannot be read: {error}", command=_events(place, name))
        return
    if found["StackStatus"] not in stack.SERVING:
        yield Problem(name=name, reason=f"The stack is {found['StackStatus']}.", command=_events(place, name))


def _events(place: Place, name: str) -> str:
    return place.aws(f"cloudformation describe-stack-events --stack-name {name}")


def _of_mappings(explanations: Iterable[sentences.Explanation]) -> Iterator[Problem]:
    for each in explanations:
        if each.wrong:
            yield Problem(name=each.name, reason=each.sentence, command=each.command or "./millrace mappings list")


def _of_rules(place: Place) -> Iterator[Problem]:
    """Yield the schedules that somebody has disabled: relays and cleanups that do not run."""
    prefix = f"{APPLICATION}-{place.stage.name}-"
    try:
        pages = place.stage.client("events").get_paginator("list_rules").paginate(NamePrefix=prefix)
        rules = [rule for page in pages for rule in page["Rules"]]
    except (BotoCoreError, ClientError) as error:
        command = place.aws(f"events list-rules --name-prefix {prefix}")
        yield Problem(name="schedules", reason=f"They cannot be read: {error}", command=command)
        return
    for rule in rules:
        if rule["State"] == "DISABLED":
            command = place.aws(f"events enable-rule --name {rule['Name']}")
            yield Problem(name=rule["Name"], reason="Its schedule is disabled: nothing runs by it.", command=command)


def _of_contents(place: Place) -> Iterator[Problem]:
    """Yield what the operation finds in databases, on topics and in the archive."""
    operation = operations.find(OPERATION)
    kept = Kept.of(place.instance, place.stage, operation)
    try:
        *_, last = operations.run(place.stage, operation, {}, kept)
    except LocalCloudError as error:
        reason = f"Databases, topics and archive cannot be looked at: {error}"
        yield Problem(name=OPERATION, reason=reason, command=place.operation(OPERATION))
        return
    found: list[dict[str, Any]] = last["result"]
    for each in found:
        yield Problem(name=each["name"], reason=each["reason"], command=f"{each['command']}{place.options}")
