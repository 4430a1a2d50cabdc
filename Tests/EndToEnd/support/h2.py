"""An HTTP/2 upstream of the smallest kind: it keeps its windows shut until it is told to open them.

Only for frames that libcurl really sends; requests are not decoded.
"""

import socket
import ssl
import struct
import threading
import time

from . import DEADLINE

DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        "!I", stream) + payload


def literal(name, value):
    """A field as HPACK has it without tables (RFC 7541 §6.2.2)."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


class ShutUpstream:
    """Takes `window` bytes of a body, then none until `open()`, or, dripping, ten every 5 ms; then
    answers with `body`."""

    def __init__(self, certificate, key, body, window=65_535, drips=False):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}/v1"
        self._body = body
        self._window = window
        self._drips = drips
        self._opened = threading.Event()
        self.is_shut = threading.Event()
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self):
        self._opened.set()

    def close(self):
        self._opened.set()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            connection.settimeout(DEADLINE)
            with self._context.wrap_socket(connection, server_side=True) as tls:
                self._serve(tls)
        except (OSError, EOFError):
            pass

    def _serve(self, tls):
        assert self._exactly(tls, len(PREFACE)) == PREFACE
        tls.sendall(frame(SETTINGS, 0, 0, struct.pack("!HI", WINDOW, self._window)))
        while True:
            head = self._exactly(tls, 9)
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big")
            payload = self._exactly(tls, length)
            if kind == SETTINGS and not flags & ACK:
                tls.sendall(frame(SETTINGS, ACK, 0))
            if kind == PING and not flags & ACK:
                tls.sendall(frame(PING, ACK, 0, payload))
            if kind == HEADERS and not self._window:
                self._wait(tls, stream)
            if kind == DATA:
                before, self.received = self.received, self.received + length
                if before < self._window <= self.received:
                    self._wait(tls, stream)
                if flags & END_STREAM:
                    fields = b"\x88" + literal(b"content-type", b"application/json")
                    tls.sendall(frame(HEADERS, END_HEADERS, stream, fields)
                                + frame(DATA, END_STREAM, stream, self._body))

    def _wait(self, tls, stream):
        self.is_shut.set()
        deadline = time.monotonic() + DEADLINE
        while not self._opened.wait(0.005 if self._drips else DEADLINE):
            assert time.monotonic() < deadline
            self._widen(tls, stream, 10)
        self._widen(tls, stream, 1 << 28)

    @staticmethod
    def _widen(tls, stream, count):
        more = struct.pack("!I", count)
        tls.sendall(frame(WINDOW_UPDATE, 0, 0, more) + frame(WINDOW_UPDATE, 0, stream, more))

    @staticmethod
    def _exactly(tls, count):
        data = b""
        while len(data) < count:
            more = tls.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data
