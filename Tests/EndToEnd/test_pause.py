"""A process that stood still: what has arrived meanwhile is taken, before any time-out counts."""

import signal
import threading
import time

import pytest

from support import answers
from support.answers import saying
from support.client import message, request_bytes, JSON_FIELDS, text_of
from support.upstream import Wait

# Longer than every time-out of these daemons, which are longer than what comes before the pause takes.
PAUSE = 3.6
SHORT = {
    "FIRST_BYTE_TIMEOUT": "3s", "UPSTREAM_IDLE_TIMEOUT": "3s", "HEAD_TIMEOUT": "3s",
    "BODY_TIMEOUT": "3s", "IDLE_TIMEOUT": "3s", "WRITE_TIMEOUT": "3s",
}


def pause(proxy, meanwhile):
    """Stops the process, and has something happen while it stands."""
    proxy.signal(signal.SIGSTOP)
    while open(f"/proc/{proxy.process.pid}/stat").read().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)
    try:
        meanwhile()
        # The pause itself is what is tested.
        time.sleep(PAUSE)
    finally:
        proxy.signal(signal.SIGCONT)


def test_answers_that_arrive_during_a_pause_are_given(upstream, start):
    proxy = start(**SHORT)
    go_on = threading.Event()
    upstream.always([Wait(go_on), *saying("Hello", " there")])
    clients = [proxy.connect() for _ in range(16)]
    for index, client in enumerate(clients):
        client.begin(message(stream=index % 2 == 0))
    upstream.wait_for_requests(16)
    pause(proxy, go_on.set)
    for index, client in enumerate(clients):
        response = client.response()
        assert response.status == 200
        if index % 2 == 0:
            assert text_of(response.events) == "Hello there"
        client.close()


def test_the_rest_of_an_answer_is_given(upstream, start):
    proxy = start(**SHORT)
    go_on = threading.Event()
    upstream.always([answers.STREAM_HEAD, *answers.text("Hel"), Wait(go_on), *saying("lo")[1:]])
    clients = [proxy.connect() for _ in range(8)]
    for client in clients:
        client.begin(message(stream=True))
        client.response_head()
    pause(proxy, go_on.set)
    for client in clients:
        values = [value for value, _ in client.events()]
        assert text_of(values) == "Hello" and values[-1]["type"] == "message_stop"
        client.close()


@pytest.mark.release  # a sanitizer's build may need longer than these time-outs for what has come
def test_requests_that_arrive_during_a_pause_are_served(upstream, start):
    proxy = start(**SHORT)
    upstream.always(saying("Hi"))
    kept, halves, bodies = [[proxy.connect() for _ in range(4)] for _ in range(3)]
    for client in kept:
        assert client.ask("GET", "/health").status == 200
    data = request_bytes("POST", "/v1/messages", message(), JSON_FIELDS)
    head = data.index(b"\r\n\r\n") + 4
    for client in halves:
        client.send(data[:20])
    for client in bodies:
        client.send(data[:head + 10])
    fresh = []

    def send():
        for client in kept:
            client.send(data)
        for client in halves:
            client.send(data[20:])
        for client in bodies:
            client.send(data[head + 10:])
        for _ in range(4):
            client = proxy.connect()
            client.send(data)
            fresh.append(client)

    pause(proxy, send)
    for client in kept + halves + bodies + fresh:
        assert client.response().status == 200
        client.close()
