"""The application's consumers, as `./millrace openapi` wrote them from the code: who reads a topic, and under which names."""

from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from kernel.errors import FieldProblem, InvalidError, refuse_fields

FILE = Path(__file__).with_name("consumers.json")


class Consumer(Struct, frozen=True):
    """*name*: `<domain>.<module>`. *function*: its logical id in template.yaml. Its other fields: `kernel.messaging.options`."""

    name: str
    function: str
    topic: str
    group: str
    dead_letter_topic: str
    types: list[str]
    together: bool
    generation: int
    ignores_replays: bool
    idempotent_without_inbox: bool
    ordered: bool = False
    projection: list[str] = []

    @property
    def domain(self) -> str:
        return self.name.partition(".")[0]


@cache
def consumers() -> tuple[Consumer, ...]:
    """Return all consumers of the application."""
    return msgspec.json.decode(FILE.read_bytes(), type=tuple[Consumer, ...])


def named(name: str) -> Consumer:
    """Return the consumer with this name or group. Raises InvalidError, which lists those that there are."""
    for each in consumers():
        if name in {each.name, each.group}:
            return each
    message = f"there is none; there are {', '.join(each.name for each in consumers())}"
    refuse_fields([FieldProblem("consumer", message)])
    raise InvalidError(message)


def of_topic(topic: str) -> list[Consumer]:
    return [each for each in consumers() if each.topic == topic]


def of_group(group: str | None) -> Consumer | None:
    """Return the consumer with this consumer group, or None if it is none of the application's."""
    return next((each for each in consumers() if each.group == group), None)
