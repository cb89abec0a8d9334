"""The errors a function may raise. Each carries its HTTP status; all messages but one's are written for the caller.

ProblemError                 the caller is told, nothing was done
├─ InvalidError          400 the request is wrong; names each wrong field
├─ UnauthorizedError     401 sign in first
│  └─ ForgottenError     401 the account was deleted
├─ ForbiddenError        403 signed in, but not allowed
├─ NotFoundError         404 there is no such thing, or it is another's
├─ ConflictError         409 it contradicts the present state
├─ PreconditionFailedError 412 it was changed since the caller read it
├─ TooLargeError         413 the body is larger than the API takes
├─ UnsupportedTypeError  415 the body is not JSON by its own account
│  └─ UnsupportedEncodingError 415 the body is compressed
├─ UnprocessableError    422 well formed, but a rule says no
├─ TooManyRequestsError  429 the caller's allowance is used up
└─ UnavailableError      503 something this needs is down or busy: the same request may succeed later

The message of an UnavailableError names what is down: it is written for the log, and no client sees it.

NotOursError                 at the Kafka edge alone: the event is skipped

At the Kafka edge UnavailableError is transient (the record is delivered again) and all others are permanent (the
record is dead-lettered): see `kernel.messaging.consumer`.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

MOST_PROBLEMS = 100


class FieldProblem(NamedTuple):
    """One wrong field: *path* as the client wrote it (`lines[0].quantity`, `query.limit`), and what is wrong."""

    path: str
    message: str


class ProblemError(Exception):
    """*headers*: what the answer carries besides the usual ones. *problems*: the fields at fault, if they are known.

    *refuses_credential*: a token or a signature does not hold, which is counted against the sender's address.
    """

    status = HTTPStatus.BAD_REQUEST
    headers: Mapping[str, str] = MappingProxyType({})
    refuses_credential = False

    def __init__(self, message: str, problems: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class InvalidError(ProblemError):
    pass


class UnauthorizedError(ProblemError):
    status = HTTPStatus.UNAUTHORIZED
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})
    refuses_credential = True


class ForgottenError(UnauthorizedError):
    def __init__(self) -> None:
        super().__init__("This account was deleted. Its access tokens are of no use any more.")


class ForbiddenError(ProblemError):
    status = HTTPStatus.FORBIDDEN


class NotFoundError(ProblemError):
    status = HTTPStatus.NOT_FOUND


class ConflictError(ProblemError):
    status = HTTPStatus.CONFLICT


class PreconditionFailedError(ProblemError):
    status = HTTPStatus.PRECONDITION_FAILED


class TooLargeError(ProblemError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedTypeError(ProblemError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedEncodingError(UnsupportedTypeError):
    headers = MappingProxyType({"Accept-Encoding": "identity"})


class UnprocessableError(ProblemError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooManyRequestsError(ProblemError):
    """*retry_after* is in seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = {**headers, "Retry-After": str(retry_after)}


class UnavailableError(ProblemError):
    """*message*: for the log alone (`kernel.web.responses`). *retry_after* is in seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, message: str, *, retry_after: int = 2) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = {"Retry-After": str(retry_after)}


class NotOursError(Exception):
    """The event is about something of another service's. The Kafka edge skips and counts it; it is no dead letter."""


def refuse_fields(problems: Iterable[FieldProblem]) -> None:
    """Raise InvalidError if there are any *problems*. Only the first 100 are named, so that the answer stays small."""
    named = tuple(islice(problems, MOST_PROBLEMS + 1))
    if len(named) > MOST_PROBLEMS:
        message = f"More than {MOST_PROBLEMS} fields are wrong."
        raise InvalidError(message, named[:MOST_PROBLEMS])
    if named:
        message = f"{len(named)} field{'s are' if len(named) > 1 else ' is'} wrong."
        raise InvalidError(message, named)
