"""The state of a whole local cloud as typed data, within a time limit whatever hangs."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from millrace_local.cloud import application, disk, outboxes, parts, topics
from millrace_local.cloud.outboxes import Outbox
from millrace_local.cloud.parts import APPLICATION, DISK, REDEPLOYER, SUPERVISOR, Part
from millrace_local.cloud.probes import ask
from millrace_local.cloud.servers import SERVERS
from millrace_local.cloud.topics import DeadLetters, Topic
from millrace_local.deployment import databases
from millrace_local.instance import Instance
from millrace_local.servers import supervision
from millrace_plugin.status.structures import Function, Functions
from millrace_plugin.status.structures import Mapping as KafkaMapping

LEAST_SECONDS = 1
MAPPINGS, TOPICS = "mappings", "topics"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a local cloud. None is unknown, never nothing."""

    parts: tuple[Part, ...]
    functions: tuple[Function, ...] | None
    mappings: tuple[KafkaMapping, ...] | None
    topics: tuple[Topic, ...]
    outbox: tuple[Outbox, ...]
    dead_letters: tuple[DeadLetters, ...]

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what has a problem, by its name, with the problem."""
        named: list[tuple[str, str | None]] = [(each.name, each.problem) for each in self.parts]
        named += [(each.name, each.problem) for each in self.functions or ()]
        named += [(each.function, each.problem) for each in self.mappings or ()]
        named += [(each.name, each.problem) for each in self.topics]
        named += [(each.domain, each.problem) for each in self.outbox]
        yield from ((name, problem) for name, problem in named if problem)


def status(instance: Instance, seconds: float) -> Status:
    """Ask every part of the local cloud at once. It takes *seconds*, but at least one second if something hangs."""
    limit = max(LEAST_SECONDS, seconds)
    domains = databases.domains()
    answers = ask(_questions(instance, domains, limit), limit)
    found_topics = topics.describe(answers[TOPICS])
    found_mappings = answers[MAPPINGS]
    functions: Functions | Exception = answers[APPLICATION]
    return Status(
        parts=tuple(_parts(instance, answers)),
        functions=None if isinstance(functions, Exception) else functions.functions,
        mappings=None if isinstance(found_mappings, Exception) else found_mappings.mappings,
        topics=found_topics,
        outbox=tuple(outboxes.describe(domain, answers[_outbox_of(domain)]) for domain in domains),
        dead_letters=topics.dead_letters(found_topics),
    )


def _questions(instance: Instance, domains: list[str], seconds: float) -> dict[str, Callable[[], Any]]:
    questions: dict[str, Callable[[], Any]] = {each.name: partial(each.check_ready, instance) for each in SERVERS}
    questions |= {_version_of(each.name): each.version for each in SERVERS}
    questions |= {_outbox_of(domain): partial(outboxes.read, instance, domain, seconds) for domain in domains}
    return questions | {
        SUPERVISOR: partial(supervision.processes, instance),
        APPLICATION: partial(application.functions, instance, seconds),
        MAPPINGS: partial(application.mappings, instance, seconds),
        TOPICS: partial(topics.read, instance, seconds),
    }


def _parts(instance: Instance, answers: Mapping[str, Any]) -> Iterator[Part]:
    supervised = answers[SUPERVISOR]
    processes: dict[str, parts.Process] = {} if isinstance(supervised, Exception) else supervised
    found = [
        parts.server(instance, each, answers[each.name], answers[_version_of(each.name)], processes.get(each.name, {}))
        for each in SERVERS
    ]
    found.append(parts.supervisor(supervised))
    if process := processes.get(REDEPLOYER):
        found.append(parts.redeployer(instance, process))
    found.append(application.part(answers[APPLICATION], answers[MAPPINGS]))
    if not (full := disk.shortage(instance)):
        yield from found
        return
    for part in found:
        down = part.state == "down"
        yield msgspec.structs.replace(part, problem=f"{full} ({part.problem})") if down else part
    yield Part(name=DISK, state="full", problem=full)


def _version_of(name: str) -> str:
    return f"version of {name}"


def _outbox_of(domain: str) -> str:
    return f"outbox of {domain}"
