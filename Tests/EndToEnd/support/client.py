"""A client that says exactly what it is told, and reads strictly.

It takes no liberty that RFC 9112 does not give: a bad chunk, a missing length or a byte too many
fails the test.
"""

import json
import re
import socket
import time

from . import DEADLINE

JSON_FIELDS = {"content-type": "application/json", "anthropic-version": "2023-06-01"}


def request_bytes(method, path, body=None, fields=None, version="1.1", host="127.0.0.1"):
    """A request, with `Content-Length` when it has a body."""
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}"]
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    for name, value in (fields or {}).items():
        for one in value if isinstance(value, list) else [value]:
            lines.append(f"{name}: {one}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def message(stream=False, **more):
    """The body of a request for a message."""
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "Hello"}],
        **({"stream": True} if stream else {}),
        **more,
    }


class Response:
    """A response, read whole or, for streams, while it comes."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.head = head
        self.version, status, self.reason = re.fullmatch(
            r"HTTP/(1\.[01]) (\d\d\d) (.*)", lines[0]
        ).groups()
        self.status = int(status)
        self.fields = [tuple(re.fullmatch(r"([^:\s]+): (.*)", line).groups()) for line in lines[1:]]
        self.body = b""

    def header(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self):
        return parse_events(self.body)

    @property
    def error(self):
        """The error of the envelope, which is checked."""
        value = self.json
        assert value["type"] == "error" and set(value) == {"type", "error", "request_id"}
        assert value["request_id"] == self.header("request-id")
        assert self.header("content-type") == "application/json"
        return value["error"]


def parse_event(block):
    name, data = re.fullmatch(r"event: (\w+)\ndata: (.*)", block.decode()).groups()
    value = json.loads(data)
    assert value["type"] == name
    return value


def parse_events(body):
    """The events of a complete stream, as their JSON values."""
    assert body.endswith(b"\n\n"), "a stream ends with a whole event"
    return [parse_event(block) for block in body[:-2].split(b"\n\n")]


def text_of(events):
    deltas = [value["delta"] for value in events if value["type"] == "content_block_delta"]
    return "".join(delta["text"] for delta in deltas if delta["type"] == "text_delta")


def normalised(data):
    """Without what differs from request to request: names, and the estimate that a stream begins
    with, which is exact only if the prompt was counted in time."""
    data = re.sub(rb"(msg|req)_[A-Za-z0-9]+", rb"\1_0", data)
    return re.sub(rb'("type":"message_start",.*?"input_tokens":)[1-9]\d*', rb"\g<1>1", data)


class Client:
    """One connection."""

    def __init__(self, address, receive_buffer=None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.socket = socket.socket(family)
        self.socket.settimeout(DEADLINE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        self._buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Sending

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, method, path, body=None, fields=None, **more):
        """Sends a request and reads the whole response."""
        self.send(request_bytes(method, path, body, fields, **more))
        return self.response(is_head=method == "HEAD")

    def post(self, body, fields=None, path="/v1/messages", **more):
        return self.ask("POST", path, body, {**JSON_FIELDS, **(fields or {})}, **more)

    def begin(self, body, fields=None):
        """Sends a request for a message and does not wait for anything."""
        fields = {**JSON_FIELDS, **(fields or {})}
        self.send(request_bytes("POST", "/v1/messages", body, fields))

    # Receiving

    def _fill(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the proxy closed the connection")
        self._buffer += data

    def _take(self, count):
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def read(self, count):
        while len(self._buffer) < count:
            self._fill()
        return self._take(count)

    def read_line(self):
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        return self._take(end + 2)[:-2]

    def read_to_end(self):
        """Everything until the proxy closes."""
        try:
            while True:
                self._fill()
        except EOFError:
            return self._take(len(self._buffer))

    def expect_end(self):
        """The proxy closes without another byte."""
        assert self.read_to_end() == b""

    def expect_nothing_more(self):
        """Nothing has come that nobody asked for."""
        assert not self._buffer

    def response_head(self):
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        return Response(self._take(end + 4)[:-4])

    def response(self, is_head=False):
        response = self.response_head()
        if is_head or response.status == 100:
            return response
        length, coding = response.header("content-length"), response.header("transfer-encoding")
        if coding is not None:
            assert coding == "chunked" and length is None
            response.body = b"".join(self.chunks())
        elif length is not None:
            response.body = self.read(int(length))
        else:
            assert response.header("connection") == "close" or response.version == "1.0"
            response.body = self.read_to_end()
        return response

    def chunks(self):
        """The chunks of a body, as they come."""
        while True:
            size = self.read_line()
            assert re.fullmatch(rb"[0-9a-fA-F]{1,8}", size), f"bad chunk size {size!r}"
            data = self.read(int(size, 16))
            assert self.read(2) == b"\r\n"
            if int(size, 16) == 0:
                return
            yield data

    def events(self):
        """The events of a chunked stream, each with the moment of its arrival."""
        rest = b""
        for chunk in self.chunks():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                yield parse_event(block), time.monotonic()
        assert rest == b""
