"""A proxy in front of an HTTP server that loses, delays and refuses what it is told to."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from millrace_local.instance import HOST


class Loss(Enum):
    """Where a request or its answer gets lost."""

    CUT_BEFORE = auto()  # the connection ends, and the server never saw the request
    CUT_AFTER = auto()  # the server has executed the request, and the connection ends without an answer
    SILENT_BEFORE = auto()  # as CUT_BEFORE, but nothing ends: the client has to give up
    SILENT_AFTER = auto()  # as CUT_AFTER, but nothing ends


@dataclass(frozen=True)
class Refusal:
    """Answered by the proxy itself, such as 429 or 500."""

    status: int


@dataclass(frozen=True)
class Delay:
    """Forwarded after so many seconds, and answered."""

    seconds: float


type Fault = Loss | Refusal | Delay | None


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    fault: Fault


@dataclass
class Proxy:
    """*faults* happens to the next requests in order, one each; None is none. After the last all is well."""

    url: str
    target: str
    faults: Iterator[Fault] = field(default_factory=lambda: iter(()))
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, faults: Iterable[Fault]) -> None:
        with self.lock:
            self.faults = iter(faults)

    def count(self, method: str, path: str) -> int:
        """Requests that arrived, also those that got lost, whose path begins with *path*."""
        with self.lock:
            return sum(request.method == method and request.path.startswith(path) for request in self.requests)

    def release(self) -> None:
        """End the connections that are kept silent."""
        self.released.set()

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Request:
        with self.lock:
            request = Request(method, path, headers, body, next(self.faults, None))
            self.requests.append(request)
        return request


@contextlib.contextmanager
def faulty(target: str) -> Iterator[Proxy]:
    """`with faulty(stripe_api) as proxy: proxy.fail([Loss.CUT_AFTER, None]); …` talks to *target* at `proxy.url`."""
    with ThreadingHTTPServer((HOST, 0), _Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        proxy = Proxy(f"http://{HOST}:{server.server_port}", target)
        server.proxy = proxy  # type: ignore[attr-defined]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield proxy
        finally:
            proxy.release()
            server.shutdown()
            serving.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = proxy.take(self.command, self.path, dict(self.headers), body)
        match request.fault:
            case Refusal(status):
                self._answer(status, {"Content-Type": "application/json"}, b'{"error": {"type": "api_error"}}')
            case Loss.CUT_BEFORE | Loss.SILENT_BEFORE:
                self._lose(silently=request.fault is Loss.SILENT_BEFORE)
            case Loss.CUT_AFTER | Loss.SILENT_AFTER:
                _forward(proxy.target, request)
                self._lose(silently=request.fault is Loss.SILENT_AFTER)
            case Delay(seconds):
                time.sleep(seconds)
                self._pass_on(proxy.target, request)
            case None:
                self._pass_on(proxy.target, request)

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - the names that http.server looks for

    def _pass_on(self, target: str, request: Request) -> None:
        try:
            status, headers, body = _forward(target, request)
        except (OSError, HTTPException):
            self._lose(silently=False)  # the server itself is gone, and so is the connection
        else:
            self._answer(status, headers, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # the client has given up meanwhile
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def _lose(self, *, silently: bool) -> None:
        if silently:
            self.server.proxy.released.wait()  # type: ignore[attr-defined]
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing: the requests are kept in the proxy."""


def _forward(target: str, request: Request) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection(urlsplit(target).netloc, timeout=30)
    try:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in {"host", "connection"}}
        connection.request(request.method, request.path, request.body or None, headers)
        answer = connection.getresponse()
        kept = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in {"content-length", "date", "server", "transfer-encoding", "connection"}
        }
        return answer.status, kept, answer.read()
    finally:
        connection.close()
