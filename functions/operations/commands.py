"""What operators and the pipeline may ask."""

from typing import Literal

from msgspec import Struct


class RunMigrations(Struct, frozen=True, forbid_unknown_fields=True):
    command: Literal["apply", "status"]
