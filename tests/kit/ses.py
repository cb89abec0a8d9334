"""SES for the tests: LocalStack's, whose sent messages are read back, and a gate before it that can be made to fail."""

import contextlib
import email
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

SENDER = "hello@millrace.example"
THROTTLED = (400, "Throttling")
DOWN = (500, "InternalFailure")
REFUSED = (400, "InvalidParameterValue")

type Failure = tuple[int, str]


class Ses:
    """LocalStack's SES at *url*. *fails*: the status and code it answers for an address instead; None = it sends.

    *interrupt* is called after a message was sent, before its sender learns of it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.gate = ""
        self.asked: list[str] = []
        self.fails: Callable[[str], Failure | None] = lambda _address: None
        self.interrupt: Callable[[], None] = lambda: None

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a function that sends through the gate."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        return keys | {"AWS_ENDPOINT_URL": self.gate, "EMAIL_SENDER": SENDER}

    def received(self, address: str) -> list[EmailMessage]:
        """The messages that SES sent to *address*."""
        with urllib.request.urlopen(f"{self.url}/_aws/ses") as answer:  # noqa: S310 - loopback
            sent = json.load(answer)["messages"]
        parsed = [email.message_from_string(each["RawData"], policy=default) for each in sent]
        return [message for message in parsed if message["To"] == address]

    def verify(self, identity: str) -> None:
        """Let SES send from *identity*, an address or a domain."""
        form = f"Action=VerifyEmailIdentity&Version=2010-12-01&EmailAddress={identity}".encode()
        credential = "Credential=test/20261121/us-east-1/ses/aws4_request, SignedHeaders=host, Signature=none"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {credential}"}
        with urllib.request.urlopen(urllib.request.Request(self.url, form, headers)) as answer:  # noqa: S310 - loopback
            assert answer.status == 200


@contextlib.contextmanager
def gated(url: str) -> Iterator[Ses]:
    """LocalStack's SES at *url* behind a gate."""
    ses = Ses(url)
    ses.verify(SENDER)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _gate(ses))
    ses.gate = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield ses
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _gate(ses: Ses) -> type[BaseHTTPRequestHandler]:
    class Gate(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            [address] = parse_qs(body.decode())["Destinations.member.1"]
            ses.asked.append(address)
            failure = ses.fails(address)
            if failure:
                status, code = failure
                self._answer(status, f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode())
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            try:
                with urllib.request.urlopen(urllib.request.Request(ses.url, body, headers)) as answer:  # noqa: S310 - loopback
                    status, content = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, content = error.code, error.read()
            ses.interrupt()
            self._answer(status, content)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Gate
