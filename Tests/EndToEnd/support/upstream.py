"""An upstream that does what it is told, byte by byte.

A test gives it scripts; each request takes the next one. A script is a list of steps:

    bytes               are sent
    Wait(event)         waits until the test sets the event
    Signal(event)       tells the test how far it has come
    UNTIL_LEFT          waits until the proxy leaves, and notes when
    CLOSE               ends the connection
    RESET               ends it with a TCP reset

A script may also be a function of the request that returns the steps. After the last step the
connection waits for the next request. Everything that was asked is kept in `requests`.
"""

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from . import DEADLINE


@dataclass(frozen=True)
class Wait:
    event: threading.Event


@dataclass(frozen=True)
class Signal:
    event: threading.Event


CLOSE = object()
RESET = object()
UNTIL_LEFT = object()


@dataclass
class UpstreamRequest:
    """A request as the upstream received it."""

    method: str
    path: str
    fields: list[tuple[str, str]]
    body: bytes
    connection: int
    left: threading.Event = field(default_factory=threading.Event)
    left_at: float = 0.0
    sent_bytes: int = 0

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    def names(self):
        return sorted(name.lower() for name, _ in self.fields)

    def note_left(self):
        self.left_at = time.monotonic()
        self.left.set()


class _Gone(Exception):
    """The proxy has closed the connection."""


class ScriptedUpstream:
    """Listens on loopback, and answers by scripts."""

    def __init__(self, host="127.0.0.1", port=0):
        self._listener = socket.create_server((host, port), backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api/v1"
        self.requests: list[UpstreamRequest] = []
        self._scripts = []
        self._default = None
        self._changed = threading.Condition()
        self._connections = []
        self._is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    # What tests say.

    def will(self, *scripts):
        """Queues scripts, one for each request to come."""
        with self._changed:
            self._scripts.extend(scripts)

    def always(self, script):
        """Answers by `script` when none is queued."""
        self._default = script

    def request(self, index=0):
        """The request of this index; waits until it has come."""
        self.wait_for_requests(index + 1)
        return self.requests[index]

    def wait_for_requests(self, count):
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.requests) >= count, DEADLINE)
        assert came, f"the upstream got {len(self.requests)} requests instead of {count}"

    @property
    def connection_count(self):
        return len(self._connections)

    def close(self):
        self._is_closed = True
        try:
            # The thread that accepts would take one more.
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # What its threads do.

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            index = len(self._connections) - 1
            threading.Thread(target=self._serve, args=(connection, index), daemon=True).start()

    def _serve(self, connection, index):
        buffer = b""
        try:
            while True:
                request, buffer = self._read(connection, index, buffer)
                with self._changed:
                    script = self._scripts.pop(0) if self._scripts else self._default
                    self.requests.append(request)
                    self._changed.notify_all()
                assert script is not None, "the upstream was asked more often than expected"
                steps = script(request) if callable(script) else script
                self._play(steps, request, connection)
        except (_Gone, OSError):
            pass
        finally:
            connection.close()

    def _read(self, connection, index, buffer):
        while b"\r\n\r\n" not in buffer:
            buffer = self._more(connection, buffer)
        head, _, rest = buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        lengths = [int(value) for name, value in fields if name.lower() == "content-length"]
        length = lengths[0] if lengths else 0
        while len(rest) < length:
            rest = self._more(connection, rest)
        request = UpstreamRequest(method, path, fields, rest[:length], index)
        return request, rest[length:]

    def _more(self, connection, buffer):
        data = connection.recv(1 << 16)
        if not data:
            raise _Gone
        return buffer + data

    def _play(self, steps, request, connection):
        for step in steps:
            if isinstance(step, bytes):
                try:
                    connection.sendall(step)
                except OSError:
                    request.note_left()
                    raise _Gone from None
                request.sent_bytes += len(step)
            elif isinstance(step, Wait):
                step.event.wait(DEADLINE)
            elif isinstance(step, Signal):
                step.event.set()
            elif step is UNTIL_LEFT:
                try:
                    while connection.recv(1 << 16):
                        pass
                except OSError:
                    pass
                if not self._is_closed:
                    request.note_left()
                raise _Gone
            elif step is CLOSE:
                raise _Gone
            elif step is RESET:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                raise _Gone
            else:
                raise AssertionError(f"no step: {step!r}")
