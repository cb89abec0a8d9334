"""The Runtime API's server, with well and badly behaved clients."""

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from millrace_plugin.lambda_runtime.errors import RESPONSE_LIMIT
from millrace_plugin.lambda_runtime.runtime_api import DeadlineError, Request, RuntimeApi
from tests.local_cloud.front_door.cases import BROWSER, IMAGE


class Served:
    """A server with one answer for every request. It keeps the last request."""

    def __init__(self) -> None:
        self._pipe = os.pipe()
        self.api = RuntimeApi(self._pipe[0], lambda: False)
        self.last: Request | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.api.address, timeout=5)

    def close(self) -> None:
        """End the server's thread by a last request."""
        connection = self.connect()
        connection.request("GET", "/last")
        self._thread.join()
        connection.close()
        self.api.close()
        for descriptor in self._pipe:
            os.close(descriptor)

    def _serve(self) -> None:
        deadline = time.monotonic() + 10
        while (request := self.api.receive(deadline, lambda: None)).path != "/last":
            self.last = request
            request.accept(deadline)


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    yield one
    one.close()


@pytest.mark.parametrize("size", [0, 1, 70_000, RESPONSE_LIMIT])
def test_chunked_bodies_are_read_whole(served: Served, size: int) -> None:
    """A body may come in chunks of any size, as newer runtime clients send it."""
    connection = served.connect()
    chunks = [b"x" * min(50_000, size - start) for start in range(0, size, 50_000)]
    connection.request("POST", "/a", body=iter(chunks), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert connection.getresponse().status == HTTPStatus.ACCEPTED
    connection.close()
    assert served.last
    assert (served.last.method, served.last.path, len(served.last.body)) == ("POST", "/a", size)


def test_one_connection_carries_many_requests(served: Served) -> None:
    """Connections are kept open, and every answer says its length and type."""
    connection = served.connect()
    for number in range(50):
        connection.request("POST", f"/{number}", body=str(number))
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "application/json"
        assert int(response.headers["Content-Length"]) == len(response.read())
        assert served.last
        assert served.last.body == str(number).encode()
    connection.close()


def test_a_client_that_waits_for_permission_gets_it(served: Served) -> None:
    """Expect: 100-continue, which curl sends with large bodies, is answered before the body comes."""
    host, port = served.api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"abc")
        assert client.recv(1000).startswith(b"HTTP/1.1 202 ")
    assert served.last
    assert served.last.body == b"abc"


@pytest.mark.parametrize(
    "rubbish", [b"", b"no http\r\n\r\n", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"]
)
def test_a_broken_client_leaves_the_server_working(served: Served, rubbish: bytes) -> None:
    """Garbage, or a connection closed in the middle of a request, is no request, and the next one is served."""
    host, port = served.api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(rubbish)
    connection = served.connect()
    connection.request("GET", "/after")
    assert connection.getresponse().status == HTTPStatus.ACCEPTED
    connection.close()


@pytest.mark.parametrize(
    "page",
    [
        IMAGE,
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example", "User-Agent": BROWSER},
        {"Host": "evil.example:1", "User-Agent": BROWSER, "Referer": "http://evil.example:1/"},
    ],
)
def test_a_page_in_a_browser_is_not_answered(served: Served, page: dict[str, str]) -> None:
    """It could take an invocation from its function, or answer one."""
    connection = served.connect()
    connection.request("GET", "/2018-06-01/runtime/invocation/next", headers=page)
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()
    assert served.last is None


def test_waiting_ends_at_the_deadline() -> None:
    """With nobody asking, receive raises DeadlineError when its time is over, not much later."""
    reading, writing = os.pipe()
    api = RuntimeApi(reading, lambda: False)
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        api.receive(began + 0.2, lambda: None)
    assert 0.2 <= time.monotonic() - began < 2
    api.close()
    os.close(reading)
    os.close(writing)
