"""What the users domain can be told to do."""

from uuid import UUID

from msgspec import Struct

from kernel.web.scopes import Scope


class ChangeProfile(Struct, frozen=True):
    """Change the names of an account. *username*, *email*: None leaves the present one.

    *is_confirmed*: the account's password was given.
    """

    user_id: UUID
    username: str | None
    email: str | None
    is_confirmed: bool


class RequestTransaction(Struct, frozen=True):
    """Have an amount booked on an account. *amount_cents*: in the currency's minor unit; negative is taken out."""

    user_id: UUID
    amount_cents: int
    currency: str
    description: str


class ChangeScopes(Struct, frozen=True, forbid_unknown_fields=True):
    """Change what an account may do. Other scopes stay as they are, and a scope in both lists is revoked.

    *username*: the account's name, in any case.
    *grant*: a scope to add.
    *revoke*: a scope to remove.
    """

    username: str
    grant: list[Scope] = []
    revoke: list[Scope] = []


class RotateKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """Rotate the keys that sign access tokens.

    *compromised*: replace all keys at once, and refuse the tokens that they signed.
    """

    compromised: bool = False
