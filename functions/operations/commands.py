"""What the operations domain can be told to do."""

from typing import Literal

from msgspec import Struct


class RunMigrations(Struct, frozen=True, forbid_unknown_fields=True):
    """Apply this release's migrations, or show which are pending.

    *command*: `apply` changes the databases, `status` changes nothing.
    """

    command: Literal["apply", "status"]
