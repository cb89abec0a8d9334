"""What operators may ask of accounts."""

from msgspec import Struct

from kernel.web.scopes import Scope


class ChangeScopes(Struct, frozen=True, forbid_unknown_fields=True):
    """What is neither granted nor revoked stays as it is; what is both is revoked."""

    username: str
    grant: list[Scope] = []
    revoke: list[Scope] = []
