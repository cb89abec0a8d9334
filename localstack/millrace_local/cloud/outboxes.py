"""What each domain's outbox has, and which of its consumers no longer dead-letter."""

import math

import msgspec
import psycopg

from millrace_local.instance import Instance
from millrace_local.servers.postgres import superuser_url

OPTIONS = "-c default_transaction_read_only=on -c statement_timeout={milliseconds}"
COUNT = """
    SELECT count(*) FILTER (WHERE parked_at IS NULL),
        extract(epoch FROM now() - min(created_at) FILTER (WHERE parked_at IS NULL))::float8,
        count(parked_at)
    FROM outbox WHERE published_at IS NULL
"""

OPEN_BREAKERS = """
    SELECT consumer FROM breakers WHERE threshold > 0 AND failures >= threshold ORDER BY consumer
"""


class Outbox(msgspec.Struct, frozen=True, kw_only=True):
    """The outbox of a domain, and the breakers of its consumers."""

    domain: str
    waiting: int | None = None
    """How many rows are not published yet. None if unknown."""
    oldest_seconds: float | None = None
    """The age of the oldest waiting row. None if no row waits."""
    parked: int | None = None
    """How many rows can never be published and are kept with the reason. None if unknown."""
    open_breakers: tuple[str, ...] = ()
    """The groups of consumers whose breakers are open."""
    problem: str | None = None


def read(instance: Instance, domain: str, seconds: float) -> Outbox:
    """Read a domain's outbox and breakers. Raises psycopg.Error or NotReadyError if they cannot be read."""
    options = OPTIONS.format(milliseconds=math.ceil(seconds * 1000))
    url = superuser_url(instance, domain)
    with psycopg.connect(url, connect_timeout=max(2, math.ceil(seconds)), options=options) as connection:
        [(waiting, oldest, parked)] = connection.execute(COUNT).fetchall()
        breakers = tuple(consumer for (consumer,) in connection.execute(OPEN_BREAKERS))
    problem = f"Too many records in a row failed, and the breaker is open: {', '.join(breakers)}." if breakers else None
    return Outbox(
        domain=domain, waiting=waiting, oldest_seconds=oldest, parked=parked, open_breakers=breakers, problem=problem
    )


def describe(domain: str, answer: Outbox | Exception) -> Outbox:
    """Return the outbox that was read, or an unknown one with the reason."""
    if isinstance(answer, Outbox):
        return answer
    reason = (str(answer).strip() or repr(answer)).splitlines()[0]
    return Outbox(domain=domain, problem=f"The outbox is unknown: {reason}")
