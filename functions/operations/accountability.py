"""Who changes something, and why: what the audit needs to know before anything is changed."""

from kernel import settings
from kernel.errors import FieldProblem, refuse_fields

LOCAL_STAGE = "local"
UNKNOWN = "unknown"


def require_reason(reason: str | None) -> None:
    """Raise InvalidError if there is no *reason* on a stage other than the local one."""
    if not reason and settings.text("STAGE") != LOCAL_STAGE:
        refuse_fields([FieldProblem("reason", "is required on AWS, for the audit: say why in one sentence")])


def name_of(who: str | None) -> str:
    """Return by whom, as the caller said it. CloudTrail knows who invoked the function."""
    return who or UNKNOWN
