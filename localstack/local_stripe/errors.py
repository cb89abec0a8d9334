"""Stripe's errors as its libraries tell them apart: by `type` and `code`. localstripe has one type and no codes."""

from collections.abc import Mapping
from http import HTTPStatus

from localstripe.errors import UserError

INVALID = "invalid_request_error"


class StripeError(UserError):  # type: ignore[misc]  # localstripe is not typed
    def __init__(self, status: HTTPStatus, message: str, kind: str, details: Mapping[str, object]) -> None:
        super().__init__(int(status), message, dict(details))
        self.body["error"]["type"] = kind


def card_error(message: str, **details: object) -> StripeError:
    return StripeError(HTTPStatus.PAYMENT_REQUIRED, message, "card_error", details)


def refused(message: str, **details: object) -> StripeError:
    return StripeError(HTTPStatus.BAD_REQUEST, message, INVALID, details)


def refuse_unknown(parameters: Mapping[str, object], known: tuple[str, ...] = ()) -> None:
    for name in parameters:
        if name not in known:
            raise refused(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def unauthorized(message: str) -> StripeError:
    return StripeError(HTTPStatus.UNAUTHORIZED, message, INVALID, {})


def missing(kind: str, name: str, *, parameter: str = "id", status: HTTPStatus = HTTPStatus.NOT_FOUND) -> StripeError:
    details = {"code": "resource_missing", "param": parameter}
    return StripeError(status, f"No such {kind}: '{name}'", INVALID, details)
