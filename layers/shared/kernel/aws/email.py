"""E-mail through Amazon SES, without boto3.

AWS: "SendRawEmail" and "Common errors" (SES API Reference, version 2010-12-01). SES has no idempotency token: a message
that is sent twice arrives twice. A timeout leaves it unknown whether it was sent.
"""

import re
import urllib.parse
from base64 import b64encode
from email.headerregistry import Address
from email.message import EmailMessage
from http import HTTPStatus
from uuid import UUID

from kernel import settings
from kernel.aws import http as aws_http
from kernel.errors import UnavailableError

# Longer than SES usually takes: after a timeout, a message that was sent is sent again.
TIMEOUT_SECONDS = 10
HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
ERROR_CODE = re.compile(rb"<Code>([\w.]{1,100})</Code>")

# Faults of the message itself. All others lie with SES, with our account or with the network, and may pass.
REFUSALS = ("InvalidParameterValue", "ValidationError")


class RefusedError(Exception):
    """The message can never be sent as it is: its address is invalid, for instance."""


def send(to: str, subject: str, text: str, *, message_id: UUID) -> None:
    """Hand a plain text message to SES, from the address in EMAIL_SENDER, which SES must have verified.

    *message_id*: the same at every attempt. It becomes the message tag `notification`, which SES's events carry, and the
    header `Message-ID`, which SES replaces when it delivers.

    Raises UnavailableError if it may succeed later: SES is down, throttles or paused us, or has not verified the sender.
    Raises RefusedError for any other refusal. Neither quotes the address.
    """
    sender, recipient = settings.text("EMAIL_SENDER"), _address(to)
    message = _message(sender, recipient, subject, text, message_id)
    form = {
        "Action": "SendRawEmail",
        "Version": "2010-12-01",
        "Source": sender,
        "Destinations.member.1": recipient.addr_spec,
        "RawMessage.Data": b64encode(message).decode(),
        "Tags.member.1.Name": "notification",
        "Tags.member.1.Value": str(message_id),
    }
    body = urllib.parse.urlencode(form).encode()
    try:
        status, answer = aws_http.post("ses", body, HEADERS, timeout=TIMEOUT_SECONDS, host="email")
    except OSError as error:
        reason = f"SES cannot be reached: {type(error).__name__}."
        raise UnavailableError(reason) from error
    if status == HTTPStatus.OK:
        return
    found = ERROR_CODE.search(answer)
    code = found[1].decode() if found else "without a code"
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and code in REFUSALS:
        raise RefusedError(code)
    reason = f"SES answers {status} {code}."
    raise UnavailableError(reason)


def _address(text: str) -> Address:
    """Return *text* as one e-mail address, its domain in ASCII. Raises RefusedError if it is not one."""
    local, _, domain = text.rpartition("@")
    try:
        address = Address(addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except Exception as error:  # the standard library's parser raises whatever it stumbles over
        raise RefusedError("not an address") from error
    if not address.addr_spec.isascii():
        raise RefusedError("SES takes no such address")
    return address


def _message(sender: str, to: Address, subject: str, text: str, message_id: UUID) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2].rstrip('>')}>"
    # RFC 3834: nobody's holiday answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message.as_bytes()
