"""Settings from environment variables: one frozen class per concern.

Nothing is cached: `from_environment` takes microseconds, and a test may change a variable. A missing or unusable
variable raises SettingError, which names it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

LARGEST_RATE_LIMIT_FACTOR = 1_000_000
ALIASES: Mapping[str, str] = {
    "KAFKA_BOOTSTRAP_SERVERS": "KAFKA_BROKER",
    "TOPIC": "KAFKA_TOPIC",
    "CONSUMER_GROUP": "KAFKA_CONSUMER_GROUP",
    "DEAD_LETTER_TOPIC": "KAFKA_DLQ_TOPIC",
    "DATABASE_HOST": "DB_HOST",
    "DATABASE_PORT": "DB_PORT",
    "DATABASE_NAME": "DB_NAME",
}
# Everybody who may read a function's configuration sees its variables, so no secret is one. Where to put it instead.
SECRETS: Mapping[str, str] = dict.fromkeys(
    ("DB_USER", "DB_PASSWORD"),
    'The user is <domain>_<DATABASE_ROLE>. Put {"username": …, "password": …} into Secrets Manager, under '
    "DATABASE_SECRET_PREFIX + <domain>_<DATABASE_ROLE>",
) | {"JWT_SECRET": "Tokens are signed with the keys in Secrets Manager that SIGNING_KEYS_SECRET names"}


class SettingError(Exception):
    """A variable is missing or unusable. The message names it and says what it must be."""


@dataclass(frozen=True, slots=True)
class Database:
    """The address of the databases. The password is in Secrets Manager under *secret_prefix* + `<domain>_<role>`.

    *name*: of the database; None for the domain's name.
    """

    host: str
    port: int
    sslmode: str
    role: str
    secret_prefix: str
    name: str | None

    @classmethod
    def from_environment(cls) -> Self:
        _refuse_secrets("DB_USER", "DB_PASSWORD")
        return cls(
            host=text("DATABASE_HOST"),
            port=_integer("DATABASE_PORT", 5432, 1, 65_535),
            sslmode=_choice("DATABASE_SSLMODE", ("verify-full", "verify-ca", "require", "prefer", "disable")),
            role=_choice("DATABASE_ROLE", ("app", "relay", "owner", "ro")),
            secret_prefix=text("DATABASE_SECRET_PREFIX"),
            name=_value("DATABASE_NAME") or None,
        )


@dataclass(frozen=True, slots=True)
class Kafka:
    """*security_protocol*: SASL_SSL for IAM authentication to MSK, PLAINTEXT for a broker that trusts its network."""

    bootstrap_servers: tuple[str, ...]
    security_protocol: str

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            bootstrap_servers=tuple(text("KAFKA_BOOTSTRAP_SERVERS").split(",")),
            security_protocol=_choice("KAFKA_SECURITY_PROTOCOL", ("SASL_SSL", "PLAINTEXT")),
        )


@dataclass(frozen=True, slots=True)
class Consumer:
    """*breaker_threshold*: after this many permanent failures in a row, no record is dead-lettered.

    *event_log_level*: the level of the log line of each applied event.
    """

    topic: str
    group: str
    dead_letter_topic: str
    breaker_threshold: int
    event_log_level: str

    @classmethod
    def from_environment(
        cls, domain: str, topic: str, published_group: str | None = None, published_dead_letter_topic: str | None = None
    ) -> Self:
        """Return the settings of *domain*'s consumer of *topic*.

        The names follow a rule: the group is `<domain>-<topic>`, the dead-letter topic `<topic>-<domain>-dlq`.
        *published_group*, *published_dead_letter_topic*: names that are older than the rule.
        A variable that is set comes before both, and TOPIC changes the names that follow the rule.
        """
        topic = _value("TOPIC") or topic
        return cls(
            topic=topic,
            group=_value("CONSUMER_GROUP") or published_group or f"{domain}-{topic}",
            dead_letter_topic=_value("DEAD_LETTER_TOPIC") or published_dead_letter_topic or f"{topic}-{domain}-dlq",
            breaker_threshold=_integer("BREAKER_THRESHOLD", 100, 1, 1_000_000),
            event_log_level=_choice("EVENT_LOG_LEVEL", ("DEBUG", "INFO")),
        )


@dataclass(frozen=True, slots=True)
class Relay:
    """*seconds*: how long to wait for further events; 0 publishes what is there and returns."""

    seconds: int
    batch_size: int

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            seconds=_integer("RELAY_SECONDS", 58, 0, 840),
            batch_size=_integer("RELAY_BATCH_SIZE", 2000, 1, 10_000),
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long rows and dead letters count.

    *outbox*: of published rows and idempotency keys.
    *inbox*: must be longer than an event can come back (`kernel.messaging.retention`): without its row it is applied again.
    *longest_redrive_age*: the age up to which a dead letter may be redriven.
    """

    outbox: timedelta
    inbox: timedelta
    longest_redrive_age: timedelta

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            outbox=timedelta(days=_integer("OUTBOX_RETENTION_DAYS", 7, 1, 3650)),
            inbox=timedelta(days=_integer("INBOX_RETENTION_DAYS", 30, 14, 3650)),
            longest_redrive_age=timedelta(days=_integer("LONGEST_REDRIVE_AGE_DAYS", 14, 1, 3650)),
        )


@dataclass(frozen=True, slots=True)
class Tokens:
    """*issuer*, *audience*: of access tokens. Only the users domain may read the secret of the private keys."""

    issuer: str
    audience: str
    public_keys_secret: str
    signing_keys_secret: str

    @classmethod
    def from_environment(cls) -> Self:
        _refuse_secrets("JWT_SECRET")
        prefix = f"millrace/{_value('STAGE') or 'local'}"
        return cls(
            issuer=_value("TOKEN_ISSUER") or "https://millrace.local",
            audience=_value("TOKEN_AUDIENCE") or "millrace",
            public_keys_secret=_value("PUBLIC_KEYS_SECRET") or f"{prefix}/public-keys",
            signing_keys_secret=_value("SIGNING_KEYS_SECRET") or f"{prefix}/signing-keys",
        )


def redis_url() -> str | None:
    """Return the address of Redis (REDIS_URL). None has the same effect on caches and rate limits as a Redis that is down."""
    return _value("REDIS_URL") or None


def rate_limit_factor() -> int:
    """Return the factor of every rate limit (RATE_LIMIT_FACTOR): 1 in production, more for load tests."""
    return _integer("RATE_LIMIT_FACTOR", 1, 1, LARGEST_RATE_LIMIT_FACTOR)


def refuses_common_passwords() -> bool:
    """Return whether common passwords are refused (COMMON_PASSWORD_CHECK: on or off)."""
    return _choice("COMMON_PASSWORD_CHECK", ("on", "off")) == "on"


def hold_minutes() -> int:
    """Return for how many minutes the items of an unpaid order are held (HOLD_MINUTES)."""
    return _integer("HOLD_MINUTES", 15, 1, 1440)


def allowed_origins() -> frozenset[str]:
    """Return the web origins that may read responses (CORS_ALLOWED_ORIGINS, comma-separated; none by default)."""
    return frozenset(filter(None, _value("CORS_ALLOWED_ORIGINS").split(",")))


def names(variable: str) -> tuple[str, ...]:
    """Return the comma-separated names in *variable*, which must be set."""
    return tuple(filter(None, text(variable).split(",")))


def text(variable: str) -> str:
    """Return the value of *variable*, which must be set and not empty."""
    value = _value(variable)
    if not value:
        message = f"The environment variable {variable} is not set."
        raise SettingError(message)
    return value


def _integer(variable: str, default: int, least: int, most: int) -> int:
    value = _value(variable) or str(default)
    if not value.isdecimal() or not least <= int(value) <= most:
        message = f"{variable}={value!r} is not usable: give a whole number from {least} to {most}."
        raise SettingError(message)
    return int(value)


def _choice(variable: str, choices: tuple[str, ...]) -> str:
    value = _value(variable) or choices[0]
    if value not in choices:
        message = f"{variable}={value!r} is not usable: give one of {', '.join(choices)}."
        raise SettingError(message)
    return value


def _value(variable: str) -> str:
    """Return the value of *variable* or its alias, or "" if neither is set.

    Raises SettingError if both are set and differ, because one of them would have no effect.
    """
    alias = ALIASES.get(variable, "")
    own, other = os.environ.get(variable, ""), os.environ.get(alias, "")
    if own and other and own != other:
        message = f"{variable}={own!r} and {alias}={other!r} are two names of one setting. Set one of them."
        raise SettingError(message)
    return own or other


def _refuse_secrets(*names: str) -> None:
    """Raise SettingError if one of the variables *names*, all of SECRETS, is set."""
    for name in names:
        if os.environ.get(name):
            message = f"{name} is set, but no secret is read from the environment. {SECRETS[name]}, and unset {name}."
            raise SettingError(message)
