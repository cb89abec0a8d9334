"""Pass a request's options to the executor of its operation, past LocalStack's engine, which does not know them."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    on_failure: str = "ROLLBACK"
    """ROLLBACK, DO_NOTHING (keep what was done) or DELETE (only for the creation of a stack)."""
    retained: frozenset[str] = frozenset()
    """The logical ids that a deletion keeps."""
    retains_undeletable: bool = False
    """Whether a deletion keeps what cannot be deleted."""


USUAL = Options()
OPTIONS: ContextVar[Options] = ContextVar("asked", default=USUAL)
"""The options of the current request, for the executor that is created for it."""
