"""The TCP proxy does to connections what it is told, and nothing else."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from millrace_local.instance import HOST
from tests.kit.servers import wait_until
from tests.kit.tcp_proxy import Cut, TcpProxy, proxied


class Echo(socketserver.ThreadingTCPServer):
    """Answer each line in capitals, and keep what was received."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Answer)
        self.received: list[bytes] = []


class Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            for line in self.rfile:
                self.server.received.append(line)  # type: ignore[attr-defined]
                self.wfile.write(line.upper())


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[TcpProxy]:
    with proxied(HOST, echo.server_address[1]) as running:
        yield running


@contextlib.contextmanager
def connected(proxy: TcpProxy) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, proxy.port), timeout=5) as connection:
        yield connection


def ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text + b"\n")
    return connection.recv(100).strip()


def test_passes_on_what_both_sides_say_until_they_are_done(proxy: TcpProxy) -> None:
    """A client that has said all still gets its answer."""
    with connected(proxy) as connection:
        assert ask(connection, b"one") == b"ONE"
        connection.sendall(b"two\n")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b"TWO\n"
        assert connection.recv(100) == b""


def test_cuts_what_is_there_and_takes_what_comes(proxy: TcpProxy) -> None:
    with connected(proxy) as connection:
        ask(connection, b"one")
        assert proxy.cut() == 1
        with pytest.raises(OSError):  # noqa: PT011 - a reset, or a broken pipe
            ask(connection, b"two")
    with connected(proxy) as connection:
        assert ask(connection, b"three") == b"THREE"


def test_refuses_until_it_is_healed(proxy: TcpProxy) -> None:
    proxy.refuse()
    with connected(proxy) as connection, pytest.raises(OSError):  # noqa: PT011 - reset at once or a moment later
        ask(connection, b"one")
    proxy.heal()
    with connected(proxy) as connection:
        assert ask(connection, b"two") == b"TWO"


def test_holds_what_is_said_until_it_is_healed(proxy: TcpProxy, echo: Echo) -> None:
    with connected(proxy) as connection:
        ask(connection, b"one")
        proxy.hold()
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            ask(connection, b"two")
        assert echo.received == [b"one\n"]
        proxy.heal()
        connection.settimeout(5)
        assert connection.recv(100) == b"TWO\n"


@pytest.mark.parametrize(("cut", "received"), [(Cut.BEFORE, []), (Cut.AFTER, [b"commit\n"])])
def test_cuts_in_the_moment_that_is_watched_for(proxy: TcpProxy, echo: Echo, cut: Cut, received: list[bytes]) -> None:
    """Before the server sees it, or once it has acted: the client cannot tell which."""
    proxy.watch = lambda chunk: cut if b"commit" in chunk else None
    with connected(proxy) as connection:
        assert ask(connection, b"other") == b"OTHER"
        with contextlib.suppress(ConnectionResetError):
            assert ask(connection, b"commit") == b""
    wait_until(lambda: echo.received == [b"other\n", *received])
