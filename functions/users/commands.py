"""What operators may ask of accounts."""

from typing import Literal

from msgspec import Struct

# Every scope that some function asks for; tests/test_template.py compares.
type Scope = Literal["user", "catalog:write"]


class ChangeScopes(Struct, frozen=True, forbid_unknown_fields=True):
    """What is neither granted nor revoked stays as it is; what is both is revoked."""

    username: str
    grant: list[Scope] = []
    revoke: list[Scope] = []
