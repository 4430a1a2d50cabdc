"""A hop on the way to an upstream: a CONNECT proxy, or a plain forwarder of connections.

`freeze()` lets the other side of each present connection die without a word: the hop itself lives, and
takes everything that is sent to it. Connections that are made afterwards are forwarded.
"""

import socket
import threading


class Hop:
    def __init__(self, port, is_tunnel, host="127.0.0.1"):
        self._target = ("127.0.0.1", port)
        self._is_tunnel = is_tunnel
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self.connection_count = 0
        self._frozen_below = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self):
        self._frozen_below = self.connection_count

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            number, self.connection_count = self.connection_count, self.connection_count + 1
            threading.Thread(target=self._forward, args=(near, number), daemon=True).start()

    def _forward(self, near, number):
        try:
            if self._is_tunnel:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += near.recv(1 << 16)
                assert head.startswith(b"CONNECT ")
            far = socket.create_connection(self._target)
            if self._is_tunnel:
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for one, other in [(near, far), (far, near)]:
                threading.Thread(target=self._copy, args=(one, other, number), daemon=True).start()
        except OSError:
            near.close()

    def _copy(self, one, other, number):
        try:
            while data := one.recv(1 << 16):
                if number >= self._frozen_below:
                    other.sendall(data)
            if number >= self._frozen_below:
                other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
