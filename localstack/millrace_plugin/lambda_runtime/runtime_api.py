"""Serve the Lambda Runtime API to one process. AWS: "Using the Lambda runtime API".

It has no thread of its own: `receive` serves requests while it waits. Between invocations nothing does, and the process
waits for its next one, as a frozen sandbox on AWS does.
"""

import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import h11

from millrace_plugin.front_door import rules
from millrace_plugin.lambda_runtime.errors import RESPONSE_LIMIT

_CHUNK = 256 * 1024
_LONGEST_HEADERS = 2 * 1024 * 1024  # the runtime client describes an error in headers of up to 1 MB
_ALIVE_CHECK_SECONDS = 0.05  # between two checks whether the process still runs


class DeadlineError(Exception):
    """The process sent no request before the deadline."""


class Connection:
    """A connection of the runtime client, which sends a request only after the answer to its previous one."""

    def __init__(self, stream: socket.socket) -> None:
        # Otherwise an answer waits 40 ms for the client's acknowledgement.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = stream
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEADERS)

    def read(self, deadline: float) -> "Request | None":
        """Return the next complete request, or None if the client closed the connection or is a page in a browser."""
        head: h11.Request | None = None
        body = bytearray()
        try:
            while not isinstance(event := self._next_event(deadline), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    if _is_from_page(event):
                        return None
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data if len(body) <= RESPONSE_LIMIT else b""
                else:
                    return None
        except (h11.RemoteProtocolError, OSError):
            return None
        return Request(self, head.method.decode(), head.target.decode(), bytes(body)) if head else None

    def answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer the last request. The client crashes if an answer has no Content-Type."""
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        response = h11.Response(status_code=status, headers=list(fields.items()), reason=status.phrase.encode())
        events = (response, h11.Data(data=body), h11.EndOfMessage())
        self.stream.sendall(b"".join(filter(None, map(self._protocol.send, events))))
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()

    def _next_event(self, deadline: float) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            if self._protocol.they_are_waiting_for_100_continue:
                self.stream.sendall(self._protocol.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            self.stream.settimeout(max(deadline - time.monotonic(), 0.001))
            self._protocol.receive_data(self.stream.recv(_CHUNK))
        return event


def _is_from_page(head: h11.Request) -> bool:
    """Return whether a browser's page sent the request. It could take the function's invocations or answer them."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
    return bool(rules.refusal(headers, head.target.decode("latin-1")) or rules.foreign_origin(headers))


@dataclass(frozen=True)
class Request:
    connection: Connection
    method: str
    path: str
    body: bytes

    def answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str], *, deadline: float) -> bool:
        """Send an answer. Returns False if the client has closed the connection."""
        self.connection.stream.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            self.connection.answer(status, body, headers)
        except OSError:
            return False
        return True

    def accept(self, deadline: float) -> None:
        self.answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}', {}, deadline=deadline)

    def refuse(self, status: HTTPStatus, error_type: str, message: str, deadline: float) -> None:
        error = json.dumps({"errorType": error_type, "errorMessage": message})
        self.answer(status, error.encode(), {}, deadline=deadline)


class RuntimeApi:
    """Listen on a free port of 127.0.0.1, and read the process's output while waiting for requests."""

    def __init__(self, output: int, drain: Callable[[], bool]) -> None:
        """Start to listen.

        output: the descriptor of the process's output.
        drain: reads what *output* has. Returns whether more may come.
        """
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._drain = drain
        self._output = output
        self._selector = selectors.PollSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(output, selectors.EVENT_READ)

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def receive(self, deadline: float, check_alive: Callable[[], None]) -> Request:
        """Return the process's next unanswered request.

        deadline: a `time.monotonic`.
        check_alive: called when no request is left unread. What it raises is raised.

        Raises:
            DeadlineError: the deadline passed.
        """
        while (remaining := deadline - time.monotonic()) > 0:
            ready = self._selector.select(min(remaining, _ALIVE_CHECK_SECONDS))
            for key, _ in ready:
                if request := self._serve(key, deadline):
                    return request
            if all(key.fileobj == self._output for key, _ in ready):
                check_alive()
        raise DeadlineError

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    def _serve(self, key: selectors.SelectorKey, deadline: float) -> Request | None:
        if key.fileobj is self._listener:
            stream, _ = self._listener.accept()
            self._selector.register(stream, selectors.EVENT_READ, Connection(stream))
        elif key.fileobj == self._output:
            if not self._drain():
                self._selector.unregister(self._output)
        else:
            connection: Connection = key.data
            if request := connection.read(deadline):
                return request
            self._selector.unregister(key.fileobj)
            connection.stream.close()
        return None
