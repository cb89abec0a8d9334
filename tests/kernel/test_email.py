"""E-mail through SES: what arrives, and which failures may pass."""

import contextlib
import socket
from email.utils import getaddresses
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel.aws import email
from kernel.errors import UnavailableError
from millrace_local.deployment import aws as localstack_aws
from millrace_local.instance import Instance
from tests.kit.ses import DOWN, REFUSED, SENDER, THROTTLED, Failure, Ses, received_by_localstack


@pytest.fixture
def address() -> str:
    return f"{uuid4().hex}@example.com"


def test_sends_a_message_as_it_was_written(ses: Ses, address: str) -> None:
    """Sender, recipient, subject, text and the message's own id arrive, whatever alphabet they are written in."""
    message_id = uuid4()
    email.send(address, "Grüße aus Łódź", "Willkommen, Žofie!\nFrom here.\n.\n" + "x" * 2000, message_id=message_id)
    [message] = ses.received(address)
    assert ses.asked == [address]
    assert message["From"] == SENDER
    assert message["Subject"] == "Grüße aus Łódź"
    assert message["Message-ID"] == f"<{message_id}@millrace.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content() == "Willkommen, Žofie!\nFrom here.\n.\n" + "x" * 2000 + "\n"


def test_sends_through_localstack(localstack: Instance, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SES of the local cloud takes the same request, and keeps the message for its reader."""
    with contextlib.closing(localstack_aws.client(localstack, "ses")) as client:
        client.verify_email_identity(EmailAddress=SENDER)
    for name, value in localstack_aws.environment(localstack).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EMAIL_SENDER", SENDER)
    email.send(address, "Grüße aus Łódź", "Willkommen, Žofie!", message_id=uuid4())
    [message] = received_by_localstack(localstack.localstack_url, address)
    assert (message["From"], message["Subject"]) == (SENDER, "Grüße aus Łódź")
    assert message.get_content() == "Willkommen, Žofie!\n"


@pytest.mark.parametrize("failure", [DOWN, THROTTLED, (400, "MessageRejected"), (403, "SignatureDoesNotMatch")])
def test_says_that_it_may_succeed_later(ses: Ses, address: str, failure: Failure) -> None:
    """SES being down, throttling or refusing us is nothing wrong with the message; the address is not quoted."""
    ses.fails = lambda _: failure
    with pytest.raises(UnavailableError, match=f"SES answers {failure[0]} {failure[1]}"):
        email.send(address, "Hello", "Hello", message_id=uuid4())
    assert ses.received(address) == []


def test_says_that_a_message_can_never_be_sent(ses: Ses, address: str) -> None:
    """A parameter that SES cannot use stays unusable."""
    ses.fails = lambda _: REFUSED
    with pytest.raises(email.RefusedError, match="InvalidParameterValue"):
        email.send(address, "Hello", "Hello", message_id=uuid4())


@given(text=st.text(st.sampled_from("ab@.<>\"'()[]\\,;: \t\r\n\x00é漢\ud800=?%"), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(text="ada@example.com\nBcc: bob")
@example(text="ada@example.com, bob")
def test_asks_ses_for_one_plain_address_or_not_at_all(ses: Ses, text: str) -> None:
    """Whatever is given for an address is refused, or is one address and adds neither recipient nor header."""
    before = len(ses.asked)
    ses.fails = lambda _: DOWN
    with pytest.raises((email.RefusedError, UnavailableError)) as raised:
        email.send(f"{text}@example.com", "Hello", "Hello", message_id=uuid4())
    asked = ses.asked[before:]
    assert len(asked) == (raised.type is UnavailableError)
    assert all(getaddresses([address]) == [("", address)] and address.isprintable() for address in asked)


@pytest.mark.parametrize("address", ["ada", "ada@", "@example.com", "", "ada@example.com>", "ü@example.com"])
def test_refuses_what_is_no_address(ses: Ses, address: str) -> None:
    """SES is not asked to write to nowhere."""
    with pytest.raises(email.RefusedError):
        email.send(address, "Hello", "Hello", message_id=uuid4())
    assert ses.asked == []


def test_writes_to_a_domain_of_another_alphabet(ses: Ses) -> None:
    """The domain is asked for in ASCII, as mail servers know it."""
    address = uuid4().hex
    email.send(f"{address}@bücher.example", "Hello", "Hello", message_id=uuid4())
    assert len(ses.received(f"{address}@xn--bcher-kva.example")) == 1


def test_cannot_send_from_an_address_that_is_not_verified(
    ses: Ses, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may succeed later: when the sender is verified."""
    monkeypatch.setenv("EMAIL_SENDER", f"{uuid4().hex}@unverified.example")
    with pytest.raises(UnavailableError, match="MessageRejected"):
        email.send(address, "Hello", "Hello", message_id=uuid4())


def test_says_that_ses_cannot_be_reached(ses: Ses, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, and where nobody answers in time, it may succeed later."""
    monkeypatch.setattr(email, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UnavailableError, match="TimeoutError"):
            email.send(address, "Hello", "Hello", message_id=uuid4())
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        email.send(address, "Hello", "Hello", message_id=uuid4())
