"""Requests with exactly the head that a test gives: no Host, no User-Agent, no Accept of a client's own."""

import contextlib
import http.client
from collections.abc import Mapping
from dataclasses import dataclass

from millrace_local.instance import HOST


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def send(port: int, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
    """Send one request to *port* and return its answer."""
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=20)) as connection:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body or method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
