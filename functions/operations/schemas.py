"""What the operations API gives."""

from typing import Literal

from msgspec import Struct

type State = Literal["UP", "DOWN"]


class Health(Struct, frozen=True):
    status: State = "UP"


class Dependency(Struct, frozen=True, rename="camel"):
    name: str
    status: State
    latency_ms: float


class Readiness(Struct, frozen=True):
    status: State
    dependencies: list[Dependency]
