"""Stripe's errors with the `type` and `code` by which its libraries distinguish them. localstripe has no codes."""

from collections.abc import Mapping
from http import HTTPStatus

from localstripe.errors import UserError

INVALID = "invalid_request_error"


class StripeError(UserError):  # type: ignore[misc]  # localstripe is not typed
    def __init__(self, status: HTTPStatus, message: str, kind: str, details: Mapping[str, object]) -> None:
        super().__init__(int(status), message, dict(details))
        self.body["error"]["type"] = kind


def card_error(message: str, **details: object) -> StripeError:
    """Return the error of a declined card."""
    return StripeError(HTTPStatus.PAYMENT_REQUIRED, message, "card_error", details)


def invalid_request(message: str, **details: object) -> StripeError:
    """Return the error of a request that Stripe refuses."""
    return StripeError(HTTPStatus.BAD_REQUEST, message, INVALID, details)


def refuse_unknown(parameters: Mapping[str, object], known: tuple[str, ...] = ()) -> None:
    """Raise StripeError if there is a parameter that is not *known*."""
    for name in parameters:
        if name not in known:
            raise invalid_request(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def unauthorized(message: str) -> StripeError:
    """Return the error of a request whose API key does not allow it."""
    return StripeError(HTTPStatus.UNAUTHORIZED, message, INVALID, {})


def resource_missing(
    kind: str, name: str, *, parameter: str = "id", status: HTTPStatus = HTTPStatus.NOT_FOUND
) -> StripeError:
    """Return the error of a request for an object that does not exist."""
    details = {"code": "resource_missing", "param": parameter}
    return StripeError(status, f"No such {kind}: '{name}'", INVALID, details)
