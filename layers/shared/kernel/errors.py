"""The errors that a function may raise, each with its HTTP status.

ProblemError                 nothing was done, and the client sees the message
├─ InvalidError          400 the request is wrong; names each wrong field
├─ UnauthorizedError     401 sign in first
│  └─ ForgottenError     401 the account was deleted
├─ ForbiddenError        403 signed in, but not allowed
├─ NotFoundError         404 does not exist, or belongs to somebody else
├─ ConflictError         409 contradicts the present state
├─ PreconditionFailedError 412 changed since the client read it
├─ TooLargeError         413 the body is larger than the API accepts
├─ UnsupportedTypeError  415 the body is declared as another type than JSON
│  └─ UnsupportedEncodingError 415 the body is compressed
├─ UnprocessableError    422 well formed, but against a rule
├─ TooManyRequestsError  429 the client's rate limit is used up
└─ UnavailableError      503 a dependency is down or busy: a retry may succeed

The message of an UnavailableError names the dependency. It is for the log, and no client sees it.

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
    """A wrong field. *path*: as the client wrote it (`lines[0].quantity`, `query.limit`)."""

    path: str
    message: str


class ProblemError(Exception):
    """The base of all errors that clients see.

    *headers*: additional headers of the response.
    *problems*: the wrong fields, if there are any.
    *refuses_credential*: a token or a signature is invalid, which counts against the sender's address.
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
        super().__init__("This account was deleted. Its access tokens are no longer valid.")


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
    """*retry_after*: in seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = {**headers, "Retry-After": str(retry_after)}


class UnavailableError(ProblemError):
    """*message*: for the log only (`kernel.web.responses`). *retry_after*: in seconds."""

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
