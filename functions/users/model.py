"""The rules of accounts: which passwords and amounts are refused, and what a refresh token is."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple, Self
from uuid import UUID

from kernel.errors import FieldProblem, InvalidError, UnauthorizedError
from users.schemas import NewTransaction, Registration

SECRET_BYTES = 32
SHORTEST_IDEMPOTENCY_KEY = 16
SIGN_IN_AGAIN = "The refresh token is not valid, or no longer. Log in again."


def check_password(registration: Registration) -> None:
    """Raise InvalidError for a password that is among the first to be guessed."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 30 ms that only a registration needs

    password = registration.password.lower()
    if password in (registration.username.lower(), registration.email.lower()):
        raise _refused("password", "must not be the username or the e-mail address")
    if password in FREQUENCY_LISTS["passwords"]:
        raise _refused("password", "is among the most common passwords: choose another one")


def check_transaction(command: NewTransaction) -> None:
    """Raise InvalidError for an amount of nothing or a currency that ISO 4217 does not list."""
    from iso4217 import Currency  # noqa: PLC0415 - 30 ms, likewise

    if command.amount_cents == 0:
        raise _refused("amountCents", "must not be 0")
    if command.currency not in Currency:
        raise _refused("currency", "is not a currency code of ISO 4217")


class RefreshToken(NamedTuple):
    """A session's id and the secret that is good for one refresh. Only the secret's hash is stored."""

    session_id: UUID
    secret: bytes

    @classmethod
    def new(cls, session_id: UUID) -> Self:
        return cls(session_id, secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises UnauthorizedError."""
        try:
            content = urlsafe_b64decode(text)
            return cls(UUID(bytes=content[:16]), content[16:])
        except ValueError:
            raise UnauthorizedError(SIGN_IN_AGAIN) from None

    def text(self) -> str:
        return urlsafe_b64encode(self.session_id.bytes + self.secret).decode()

    def hash(self) -> bytes:
        return hashlib.sha256(self.secret).digest()

    def successor(self, idempotency_key: str | None) -> Self:
        """The token that takes this one's place.

        Of one token and one Idempotency-Key it is always the same, so that a client whose answer was lost can ask
        again, and a thief who does not know the key cannot. Raises InvalidError for a key that is easily guessed.
        """
        if idempotency_key is None:
            return self.new(self.session_id)
        if len(idempotency_key) < SHORTEST_IDEMPOTENCY_KEY:
            message = (
                f"Idempotency-Key must have at least {SHORTEST_IDEMPOTENCY_KEY} characters here: use a random UUID."
            )
            raise InvalidError(message)
        return self._replace(secret=hmac.digest(self.secret, idempotency_key.encode(), "sha256"))


def _refused(path: str, message: str) -> InvalidError:
    return InvalidError("1 field is wrong.", (FieldProblem(path, message),))
