"""Silence, time-outs, and clients that leave."""

import socket
import time
from threading import Event

import pytest

from support import answers
from support.answers import saying
from support.client import message, text_of
from support.upstream import CLOSE, UNTIL_LEFT, Signal, Wait

# How soon the upstream must see that its answer is not wanted. It is about 1 ms on an idle machine.
CANCEL_SECONDS_MAX = 0.25


def test_a_silent_upstream_is_bridged_by_pings(upstream, start):
    proxy = start(STATUS_HOLD="200ms", PING_INTERVAL="100ms")
    go_on = Event()
    upstream.will([answers.STREAM_HEAD, Wait(go_on), *saying("Hi")[1:]])
    with proxy.connect() as client:
        asked = time.monotonic()
        client.begin(message(stream=True))
        response = client.response_head()
        held = time.monotonic() - asked
        assert response.status == 200
        times, values = [], []
        for value, moment in client.events():
            values.append(value)
            times.append(moment)
            if len(values) == 4:
                go_on.set()
    assert held >= 0.2
    assert [value["type"] for value in values[:5]] == ["ping"] * 4 + ["message_start"]
    assert all(later - sooner >= 0.09 for sooner, later in zip(times[:3], times[1:4]))
    assert text_of(values) == "Hi" and values[-1]["type"] == "message_stop"


def test_comments_of_the_upstream_do_not_end_the_hold(upstream, start):
    proxy = start(STATUS_HOLD="5s")
    commented, go_on = Event(), Event()
    upstream.will([
        answers.STREAM_HEAD, answers.chunked(b": OPENROUTER PROCESSING\n\n"), Signal(commented),
        Wait(go_on), answers.event({"error": {"code": 402, "message": "no credit"}}),
        answers.STREAM_END,
    ])
    with proxy.connect() as client:
        client.begin(message(stream=True))
        assert commented.wait(5)
        client.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(5)
        go_on.set()
        assert client.response().status == 402


def test_a_failure_after_the_hold_is_asked_again(upstream, start):
    proxy = start(STATUS_HOLD="100ms", PING_INTERVAL="100ms")
    go_on = Event()
    upstream.will([Wait(go_on), *answers.failing(503, "busy")], saying("Hi"))
    with proxy.connect() as client:
        client.begin(message(stream=True))
        assert client.response_head().status == 200
        go_on.set()
        values = [value for value, _ in client.events()]
    names = [value["type"] for value in values]
    assert names[0] == "ping" and names.count("message_start") == 1
    assert names[-1] == "message_stop" and text_of(values) == "Hi"
    assert len(upstream.requests) == 2


def test_an_error_after_the_hold_is_an_event(upstream, start):
    proxy = start(STATUS_HOLD="100ms")
    go_on = Event()
    upstream.always([Wait(go_on), *answers.failing(400, "the reason")])
    with proxy.connect() as client:
        client.begin(message(stream=True))
        assert client.response_head().status == 200
        go_on.set()
        values = [value for value, _ in client.events()]
    assert values[0]["type"] == "ping" and values[-1]["type"] == "error"
    assert values[-1]["error"]["type"] == "invalid_request_error"
    assert "the reason" in values[-1]["error"]["message"]


def test_a_first_byte_that_does_not_come_is_a_time_out(upstream, start):
    proxy = start(FIRST_BYTE_TIMEOUT="200ms", STATUS_HOLD="10s")
    upstream.always([UNTIL_LEFT])
    for stream in [False, True]:
        response = proxy.post(message(stream=stream))
        assert (response.status, response.error["type"]) == (504, "timeout_error")
    for index in range(2):
        assert upstream.request(index).left.wait(5)


def test_a_first_byte_that_does_not_come_after_the_hold_is_an_error_event(upstream, start):
    proxy = start(FIRST_BYTE_TIMEOUT="300ms", STATUS_HOLD="100ms")
    upstream.will([UNTIL_LEFT])
    response = proxy.post(message(stream=True))
    assert response.status == 200
    # Claude Code streams again after this type, and without streaming after any other.
    assert response.events[-1]["error"]["type"] == "overloaded_error"
    assert upstream.request().left.wait(5)


def test_an_upstream_that_falls_silent_ends_the_stream_with_an_error_event(upstream, start):
    proxy = start(UPSTREAM_IDLE_TIMEOUT="200ms")
    upstream.will([answers.STREAM_HEAD, *answers.text("Hel"), UNTIL_LEFT])
    response = proxy.post(message(stream=True))
    assert text_of(response.events) == "Hel"
    assert response.events[-1]["error"]["type"] == "timeout_error"
    assert upstream.request().left.wait(5)


def check_cancelled(upstream, proxy, left_at, record_property):
    request = upstream.request()
    assert request.left.wait(5), "the upstream was never told that the client has left"
    latency = request.left_at - left_at
    record_property("cancel_ms", round(latency * 1000, 2))
    print(f"cancelled after {latency * 1000:.2f} ms")
    assert latency < CANCEL_SECONDS_MAX
    assert proxy.wait_for_records(1)[0]["outcome"] == "cancelled"


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_the_first_byte_cancels(
    upstream, proxy, stream, record_property
):
    asked = Event()
    upstream.will([Signal(asked), UNTIL_LEFT])
    client = proxy.connect()
    client.begin(message(stream=stream))
    assert asked.wait(5)
    left_at = time.monotonic()
    client.close()
    check_cancelled(upstream, proxy, left_at, record_property)


def test_a_client_that_leaves_a_running_stream_cancels(upstream, proxy, record_property):
    upstream.will([answers.STREAM_HEAD, *answers.text("Hel"), UNTIL_LEFT])
    client = proxy.connect()
    client.begin(message(stream=True))
    client.response_head()
    next(client.events())
    left_at = time.monotonic()
    client.close()
    check_cancelled(upstream, proxy, left_at, record_property)


def test_a_client_that_ends_only_its_sending_side_has_left(upstream, proxy, record_property):
    upstream.will([answers.STREAM_HEAD, *answers.text("Hel"), UNTIL_LEFT])
    with proxy.connect() as client:
        client.begin(message(stream=True))
        client.response_head()
        next(client.events())
        left_at = time.monotonic()
        client.socket.shutdown(socket.SHUT_WR)
        check_cancelled(upstream, proxy, left_at, record_property)


@pytest.fixture
def unreachable():
    """The URL of a listener whose queue is full: it lets nobody in, nor does it refuse."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}/v1"
        for filler in fillers:
            filler.close()


def test_a_client_that_leaves_while_the_proxy_connects_cancels(start, unreachable):
    proxy = start(url=unreachable, CONNECT_TIMEOUT="10s")
    began = time.monotonic()
    client = proxy.connect()
    client.begin(message())
    # The answer to a second client proves that the first one's request has been read.
    assert proxy.ask("GET", "/health").status == 200
    client.close()
    [record] = proxy.wait_for_records(1)
    assert record["outcome"] == "cancelled" and record["status"] == 0
    assert time.monotonic() - began < 5
    assert proxy.ask("GET", "/health").status == 200


def test_an_upstream_that_cannot_be_reached_in_time_is_an_error(start, unreachable):
    proxy = start(url=unreachable, CONNECT_TIMEOUT="200ms")
    response = proxy.post(message(stream=True))
    assert response.status >= 500 and response.error["type"] in ("api_error", "timeout_error")
    assert unreachable.split("/")[2] in response.error["message"]


def test_a_head_that_does_not_come_is_a_408(start):
    proxy = start(HEAD_TIMEOUT="100ms")
    with proxy.connect() as client:
        client.send(b"POST /v1/messages HTTP/1.1\r\nHost: x")
        response = client.response()
        assert (response.status, response.header("connection")) == (408, "close")
        client.expect_end()


def test_a_body_that_stands_still_is_a_408(start):
    proxy = start(BODY_TIMEOUT="100ms")
    with proxy.connect() as client:
        client.send(
            b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{")
        assert client.response().status == 408
        client.expect_end()


def test_an_idle_connection_is_closed_without_a_word(upstream, start):
    proxy = start(IDLE_TIMEOUT="100ms")
    with proxy.connect() as client:
        assert client.ask("GET", "/health").status == 200
        client.expect_end()


def test_an_upstream_that_closes_an_idle_connection_costs_nothing(upstream, proxy):
    go = Event()
    upstream.always(saying("Hi"))
    upstream.will([*saying("Hi"), Wait(go), CLOSE])
    assert proxy.post(message()).status == 200
    go.set()
    busy = proxy.cpu_seconds()
    time.sleep(0.5)
    # Who keeps watching a connection that has ended spins.
    assert proxy.cpu_seconds() - busy < 0.1
    assert proxy.post(message()).status == 200
    assert upstream.connection_count == 2
