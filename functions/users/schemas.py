"""The shapes of the users API's requests and responses."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.texts import CurrencyCode, Message
from users import passwords

# No @ in a username, so that it never equals somebody's e-mail address.
type Username = Annotated[str, Meta(min_length=3, max_length=30, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$(?!\n)")]
type Email = Annotated[
    str,
    Meta(max_length=254, pattern=r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$(?!\n)"),
]
# Names are ASCII. Lower-casing other letters could give the same name, which would be counted as another account's.
type Login = Annotated[str, Meta(max_length=254, pattern=r"^[!-~]*$(?!\n)")]
type Password = Annotated[str, Meta(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)]
# It may be older than the rules for new ones, and each of its characters may be typed as four code points.
type CurrentPassword = Annotated[str, Meta(max_length=4 * passwords.LONGEST)]
type RefreshToken = Annotated[str, Meta(min_length=1, max_length=200)]


class Registration(Struct, frozen=True, forbid_unknown_fields=True):
    username: Username
    email: Email
    password: Password


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    current_password: CurrentPassword
    new_password: Password


class DeleteAccount(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    current_password: CurrentPassword


class LogIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Either *username* or *email*."""

    password: CurrentPassword
    username: Login | None = None
    email: Login | None = None


class Tokens(Struct, frozen=True, rename="camel"):
    """*token*: the access token, under the name that older clients know. *expires_in*: in seconds."""

    token: str
    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the kind of token, not a token


class Refresh(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    refresh_token: RefreshToken


class AccountScopes(Struct, frozen=True):
    """An account and its scopes."""

    id: UUID
    username: str
    scopes: list[str]


class ProfileChange(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Fields that are left out keep their values. Another *email* needs *current_password*, which must match if given."""

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    current_password: CurrentPassword | UnsetType = UNSET


class NewTransaction(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """*amount_cents*: in the currency's minor unit; negative amounts reduce the balance."""

    amount_cents: Annotated[int, Meta(ge=-(10**12), le=10**12)]
    currency: CurrencyCode
    description: Message
