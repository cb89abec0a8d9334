"""What a function is told by its environment: one frozen class per concern.

Nothing is cached: `from_environment` costs microseconds, and a test may change a variable. A missing or unusable
variable raises SettingError, which names it.
"""

import os
from dataclasses import dataclass
from typing import Self

LARGEST_RATE_LIMIT_FACTOR = 1_000_000


class SettingError(Exception):
    """A variable is missing or has an unusable value; the message names it and says what it must be."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the databases are. The password is in Secrets Manager under *secret_prefix* + `<domain>_<role>`."""

    host: str
    port: int
    sslmode: str
    role: str
    secret_prefix: str

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            host=text("DATABASE_HOST"),
            port=_integer("DATABASE_PORT", 5432, 1, 65_535),
            sslmode=_choice("DATABASE_SSLMODE", ("verify-full", "verify-ca", "require", "prefer", "disable")),
            role=_choice("DATABASE_ROLE", ("app", "relay", "owner", "ro")),
            secret_prefix=text("DATABASE_SECRET_PREFIX"),
        )


@dataclass(frozen=True, slots=True)
class Kafka:
    """SASL_SSL means IAM authentication to MSK, PLAINTEXT a broker that trusts its network."""

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
    """*breaker_threshold*: so many permanent failures in a row, over all environments, stop the dead-lettering.

    *event_log_level*: the level of the log line that each applied event gets.
    """

    topic: str
    group: str
    dead_letter_topic: str
    breaker_threshold: int
    event_log_level: str

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            topic=text("TOPIC"),
            group=text("CONSUMER_GROUP"),
            dead_letter_topic=text("DEAD_LETTER_TOPIC"),
            breaker_threshold=_integer("BREAKER_THRESHOLD", 100, 1, 1_000_000),
            event_log_level=_choice("EVENT_LOG_LEVEL", ("DEBUG", "INFO")),
        )


@dataclass(frozen=True, slots=True)
class Relay:
    """*seconds*: how long to wait for further events, 0 = drain and return. *retention_days*: of published rows.

    *inbox_retention_days*: longer than a topic keeps its records and a dead letter waits for its redrive, since an
    event that is forgotten would be applied again.
    """

    seconds: int
    batch_size: int
    retention_days: int
    inbox_retention_days: int

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            seconds=_integer("RELAY_SECONDS", 58, 0, 840),
            batch_size=_integer("RELAY_BATCH_SIZE", 2000, 1, 10_000),
            retention_days=_integer("OUTBOX_RETENTION_DAYS", 7, 1, 3650),
            inbox_retention_days=_integer("INBOX_RETENTION_DAYS", 30, 14, 3650),
        )


@dataclass(frozen=True, slots=True)
class Tokens:
    """*issuer* and *audience* of access tokens; the secrets hold the keys, the private ones for users alone."""

    issuer: str
    audience: str
    public_keys_secret: str
    signing_keys_secret: str

    @classmethod
    def from_environment(cls) -> Self:
        prefix = f"millrace/{os.environ.get('STAGE') or 'local'}"
        return cls(
            issuer=os.environ.get("TOKEN_ISSUER") or "https://millrace.local",
            audience=os.environ.get("TOKEN_AUDIENCE") or "millrace",
            public_keys_secret=os.environ.get("PUBLIC_KEYS_SECRET") or f"{prefix}/public-keys",
            signing_keys_secret=os.environ.get("SIGNING_KEYS_SECRET") or f"{prefix}/signing-keys",
        )


def redis_url() -> str | None:
    """Where Redis is (REDIS_URL); None = there is none, and caches and rate limits do as when it is down."""
    return os.environ.get("REDIS_URL") or None


def rate_limit_factor() -> int:
    """By how much every rate limit is raised (RATE_LIMIT_FACTOR): 1 in production, more where one client is a test."""
    return _integer("RATE_LIMIT_FACTOR", 1, 1, LARGEST_RATE_LIMIT_FACTOR)


def refuses_common_passwords() -> bool:
    """Return whether passwords that many people choose are refused (COMMON_PASSWORD_CHECK: on or off)."""
    return _choice("COMMON_PASSWORD_CHECK", ("on", "off")) == "on"


def allowed_origins() -> frozenset[str]:
    """Web origins that may read the answers (CORS_ALLOWED_ORIGINS, comma-separated; none when it is not set)."""
    return frozenset(filter(None, os.environ.get("CORS_ALLOWED_ORIGINS", "").split(",")))


def names(variable: str) -> tuple[str, ...]:
    """The comma-separated names in *variable*, which must be set."""
    return tuple(filter(None, text(variable).split(",")))


def text(variable: str) -> str:
    """The value of *variable*, which must be set and not empty."""
    value = os.environ.get(variable, "")
    if not value:
        message = f"The environment variable {variable} is not set."
        raise SettingError(message)
    return value


def _integer(variable: str, default: int, least: int, most: int) -> int:
    value = os.environ.get(variable) or str(default)
    if not value.isdecimal() or not least <= int(value) <= most:
        message = f"{variable}={value!r} is not usable: give a whole number from {least} to {most}."
        raise SettingError(message)
    return int(value)


def _choice(variable: str, choices: tuple[str, ...]) -> str:
    value = os.environ.get(variable) or choices[0]
    if value not in choices:
        message = f"{variable}={value!r} is not usable: give one of {', '.join(choices)}."
        raise SettingError(message)
    return value
