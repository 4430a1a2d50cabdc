"""Slowness that is no silence: clients that read late, upstreams that read late. Whoever waits for
somebody else is not told that it fell silent."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from threading import Event

import pytest

from support import DEADLINE, answers
from support.client import message, text_of
from support.proxy import KEY
from test_clients import MIB, descriptors, endless, is_well, wait_until

# Every time-out that could be mistaken for the client's.
SHORT = {"FIRST_BYTE_TIMEOUT": "400ms", "UPSTREAM_IDLE_TIMEOUT": "400ms", "IDLE_TIMEOUT": "400ms",
         "PING_INTERVAL": "100ms"}
# Longer than all of them, and than the time for which a closed connection lingers.
PAUSE = 3.0
# More than the kernel's buffers hold of a connection over loopback.
ANSWER = 24 * MIB


def large(request):
    yield answers.STREAM_HEAD
    for _ in range(ANSWER >> 16):
        yield answers.piece({"content": "x" * (64 << 10)})
    yield from answers.ending()


def wait_for_standstill(value):
    last, since = value(), time.monotonic()
    while time.monotonic() - since < 0.3:
        if last != (last := value()):
            since = time.monotonic()
        time.sleep(0.02)


@contextmanager
def reading_late(house, script, stream=True, fields=None):
    """A client with little room that has read the head of its answer, and that answer."""
    house.upstream.will(script)
    with house.proxy.connect(receive_buffer=4096) as client:
        client.begin(message(stream=stream), fields)
        yield client, client.response_head()


def test_a_stream_waits_for_its_client(open_house):
    house = open_house(**SHORT)
    with reading_late(house, endless) as (client, _):
        request = house.upstream.request()
        for _ in range(2):
            wait_for_standstill(lambda: request.sent_bytes)
            before = request.sent_bytes
            time.sleep(PAUSE)
            assert request.sent_bytes == before < 60 * MIB, "the upstream is held back"
            assert not request.left.is_set()
            client.read(MIB)
        # The rest, of which the events' beginning is gone.
        data = b"".join(iter(lambda: client.socket.recv(1 << 20), b""))
    tail = data[-4000:]
    assert b"event: message_stop" in tail and tail.endswith(b"0\r\n\r\n"), tail
    assert b"event: error" not in data and b"event: ping" not in data[:MIB]
    assert len(data) + 2 * MIB > 64 * MIB


def test_an_upstream_that_ends_while_it_is_held_back_is_told_of(open_house):
    """The client gets all that had come, and then the error."""
    house = open_house(**SHORT)
    with reading_late(house, endless) as (client, _):
        request = house.upstream.request()
        wait_for_standstill(lambda: request.sent_bytes)
        house.upstream.close()
        time.sleep(PAUSE)
        events = [value for value, _ in client.events()]
    assert events[-1]["type"] == "error" and "broke off" in events[-1]["error"]["message"]
    assert len(text_of(events)) > MIB


@pytest.mark.parametrize("keeps", [True, False], ids=["keep-alive", "close"])
@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_a_complete_answer_waits_for_its_client(open_house, streams, keeps):
    house = open_house(**SHORT)
    fields = {} if keeps else {"connection": "close"}
    with reading_late(house, large, streams, fields) as (client, response):
        assert response.status == 200
        time.sleep(PAUSE)
        if streams:
            events = [value for value, _ in client.events()]
            assert events[-1]["type"] == "message_stop" and len(text_of(events)) == ANSWER
        else:
            body = json.loads(client.read(int(response.header("content-length"))))
            assert len(body["content"][0]["text"]) == ANSWER
        client.expect_end()  # idle now, or as it was asked for


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_who_reads_nothing_is_left_in_the_end(open_house, streams):
    house = open_house(WRITE_TIMEOUT="700ms", **{**SHORT, "UPSTREAM_IDLE_TIMEOUT": "60s"})
    with reading_late(house, endless if streams else large, streams):
        began, before = time.monotonic(), descriptors(house)
        wait_until(lambda: descriptors(house) < before)
        assert time.monotonic() - began >= 0.5
        if streams:
            assert house.upstream.requests[-1].left.wait(DEADLINE)
    is_well(house)


class SlowTaker:
    """An upstream that takes the bodies of requests slowly, or not at all."""

    def __init__(self, piece, pause, count):
        self._listener = socket.socket()
        # Before it listens, so that connections have it from their first segment.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.took, self.done, self.seconds = 0, Event(), 0.0
        self._plan = piece, pause, count
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        piece, pause, count = self._plan
        try:
            connection, _ = self._listener.accept()
            with connection:
                began, head = time.monotonic(), b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(1)
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                if count is None:
                    self.done.wait(DEADLINE)
                    return
                while self.took < length:
                    self.took += len(connection.recv(min(piece, length - self.took)))
                    if self.took < piece * count:
                        time.sleep(pause * 0.1)
                self.seconds = time.monotonic() - began
                for part in answers.saying("Hi"):
                    connection.sendall(part)
                self.done.wait(DEADLINE)
        except OSError:
            pass

    def close(self):
        self.done.set()
        self._listener.close()


BODY = message(messages=[{"role": "user", "content": "word " * (6 * MIB)}])


def test_a_large_request_to_a_slow_upstream_is_no_silence(open_house):
    upstream = SlowTaker(64 << 10, 0.1, 240)
    house = open_house(UPSTREAM_URL=upstream.url, FIRST_BYTE_TIMEOUT="1500ms", MAX_BODY="64MiB")
    response = house.proxy.post(BODY)
    assert response.status == 200, response.body
    print(f"{upstream.took / MIB:.0f} MiB were taken in {upstream.seconds:.1f} s")
    assert upstream.seconds > 2.5
    upstream.close()


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_an_upstream_that_takes_no_request_is_silent(open_house, streams):
    upstream = SlowTaker(0, 0, None)
    house = open_house(UPSTREAM_URL=upstream.url, FIRST_BYTE_TIMEOUT="700ms", MAX_BODY="64MiB")
    response = house.proxy.post({**BODY, "stream": streams})
    assert (response.status, response.error["type"]) == (504, "timeout_error")
    assert KEY not in response.body.decode()
    upstream.close()
