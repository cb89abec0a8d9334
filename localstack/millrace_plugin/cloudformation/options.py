"""What a request says of its operation beyond the template; LocalStack's engine hears nothing of it."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    on_failure: str = "ROLLBACK"
    """ROLLBACK, DO_NOTHING (leave what was done, and go on from there) or DELETE (of a stack that is created)."""
    retained: frozenset[str] = frozenset()
    """The logical ids that a deletion leaves where they are."""
    retains_undeletable: bool = False
    """A deletion leaves what cannot be deleted."""


USUAL = Options()
OPTIONS: ContextVar[Options] = ContextVar("asked", default=USUAL)
"""The options of the request that is being handled, for the executor that is made for it."""
