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
    """What is neither granted nor revoked stays as it is; what is both is revoked."""

    username: str
    grant: list[Scope] = []
    revoke: list[Scope] = []
