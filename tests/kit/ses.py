"""SES for the tests: moto's, whose sent messages are read back and which can be made to fail."""

import email
import json
import urllib.request
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from email.policy import default

from werkzeug.wrappers import Request, Response

from tests.kit.aws import Aws

SENDER = "hello@millrace.example"
THROTTLED = (400, "Throttling")
DOWN = (500, "InternalFailure")
REFUSED = (400, "InvalidParameterValue")

type Failure = tuple[int, str]


class Ses:
    """The SES of *aws*, where SENDER is verified.

    *asked*: the addresses that it was asked to send to.
    *fails*: returns the status and code that it answers for an address instead; None = it sends.
    *interrupt*: called after a message was sent, before its sender learns of it.
    """

    def __init__(self, aws: Aws) -> None:
        self.asked: list[str] = []
        self.fails: Callable[[str], Failure | None] = lambda _address: None
        self.interrupt: Callable[[], None] = lambda: None
        self._backend = aws.backend("ses")
        self._backend.verify_email_identity(SENDER)
        aws.refuse = self._refuse
        aws.interrupt = self._interrupt

    def received(self, address: str) -> list[EmailMessage]:
        """Return the messages that were sent to *address*."""
        return _addressed(address, (each.raw_data for each in self._backend.sent_messages))

    def _interrupt(self) -> None:
        self.interrupt()

    def _refuse(self, request: Request) -> Response | None:
        address = request.form.get("Destinations.member.1")
        if address is None:
            return None
        self.asked.append(address)
        failure = self.fails(address)
        if failure is None:
            return None
        status, code = failure
        return Response(f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>", status)


def received_by_localstack(url: str, address: str) -> list[EmailMessage]:
    """Return the messages that the LocalStack at *url* sent to *address*."""
    with urllib.request.urlopen(f"{url}/_aws/ses") as answer:  # noqa: S310 - loopback
        return _addressed(address, (each["RawData"] for each in json.load(answer)["messages"]))


def _addressed(address: str, sent: Iterable[str]) -> list[EmailMessage]:
    parsed = [email.message_from_bytes(each.encode(), policy=default) for each in sent]
    return [message for message in parsed if message["To"] == address]
