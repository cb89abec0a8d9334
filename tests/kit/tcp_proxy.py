"""A TCP proxy that cuts, delays, holds and refuses connections as it is told. It knows no protocol."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto

CHUNK = 65536
# SO_LINGER with 0 seconds: close sends a reset, as a host that vanished or a firewall does.
RESET = struct.pack("ii", 1, 0)


class Cut(Enum):
    """What becomes of a chunk that is recognized on its way to the server, before both ends are cut."""

    BEFORE = auto()  # the server never sees it
    AFTER = auto()  # the server acts on it, and its answer is lost


type Watch = Callable[[bytes], Cut | None]


class TcpProxy:
    """Pass connections to *target* on from a port of its own, until it is told otherwise.

    *watch*: looks at each chunk that a client sends, and may cut that connection.
    """

    def __init__(self, host: str, target: int, port: int = 0) -> None:
        self.watch: Watch = lambda _: None
        self.delay_seconds = 0.0
        self.flows = threading.Event()
        self.flows.set()
        self._address = host, target
        self._listener = socket.create_server((host, port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._connections: set[_Connection] = set()
        self._lock = threading.Lock()
        self._refuses = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut(self) -> int:
        """Reset every connection. New ones are taken. Returns how many there were."""
        with self._lock:
            several = list(self._connections)
        for each in several:
            each.reset()
        return len(several)

    def refuse(self) -> None:
        """Reset every connection, and each new one at once."""
        self._refuses = True
        self.cut()

    def hold(self) -> None:
        """Pass nothing on, and end nothing: the other side seems to hang."""
        self.flows.clear()

    def delay(self, seconds: float) -> None:
        """Pass each chunk on after *seconds*."""
        self.delay_seconds = seconds

    def heal(self) -> None:
        """Pass everything on at once, what was held included."""
        self._refuses, self.delay_seconds = False, 0.0
        self.watch = lambda _: None
        self.flows.set()

    def close(self) -> None:
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.cut()

    def forget(self, connection: "_Connection") -> None:
        with self._lock:
            self._connections.discard(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=[client], daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            if self._refuses:
                raise ConnectionRefusedError
            server = socket.create_connection(self._address, timeout=5)
        except OSError:
            _reset(client)
            return
        connection = _Connection(self, client, server)
        with self._lock:
            self._connections.add(connection)
        connection.run()


class _Connection:
    """A client's connection and ours to the server. Each direction has a thread."""

    def __init__(self, proxy: TcpProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._loses_answer = False
        self._is_reset = False
        for each in (client, server):
            each.settimeout(None)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        back = threading.Thread(target=self._pass_on, args=[self._server, self._client, self._loses], daemon=True)
        back.start()
        self._pass_on(self._client, self._server, self._cuts)
        back.join()
        self.reset()

    def reset(self) -> None:
        """End both ends. Whoever has said before that it is done does not notice."""
        self._is_reset = True
        for each in (self._client, self._server):
            _reset(each)
        self._proxy.forget(self)

    def _pass_on(self, source: socket.socket, target: socket.socket, ends: Callable[[bytes], bool]) -> None:
        try:
            while chunk := source.recv(CHUNK):
                if self._proxy.delay_seconds:
                    time.sleep(self._proxy.delay_seconds)
                self._proxy.flows.wait()
                if ends(chunk):
                    self.reset()
                    return
                target.sendall(chunk)
            if not self._is_reset:
                # One side is done. The other may still have to say something.
                target.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()

    def _cuts(self, chunk: bytes) -> bool:
        """Return whether the connection ends before *chunk* reaches the server."""
        cut = self._proxy.watch(chunk)
        self._loses_answer |= cut is Cut.AFTER
        return cut is Cut.BEFORE

    def _loses(self, _chunk: bytes) -> bool:
        return self._loses_answer


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.shutdown(socket.SHUT_RD)  # wakes who reads from it: until then nothing is closed
    connection.close()


@contextlib.contextmanager
def proxied(host: str, target: int, port: int = 0) -> Iterator[TcpProxy]:
    """Pass connections to *target* on until the block ends. *port*: where it listens, 0 for any that is free."""
    proxy = TcpProxy(host, target, port)
    try:
        yield proxy
    finally:
        proxy.close()
