"""Clients that leave, stall, crowd in, or want too much."""

import os
import re
import resource
import select
import socket
import struct
import threading
import time
from pathlib import Path
from threading import Event

import pytest

from conftest import House
from http_cases import BODY_MAX, CHUNKED, GOOD, HIDDEN, chunk, get, post
from raw import observe
from support import answers
from support.answers import saying
from support.client import JSON_FIELDS, Client, message, request_bytes, text_of
from support.upstream import UNTIL_LEFT, Signal

MIB = 1 << 20
# How soon the upstream must hear that its answer is not wanted: by the bar 1 s, here about 1 ms.
CANCEL_SECONDS_MAX = 0.5
# A multi handle of libcurl, kept for the next request, has two of its own.
LANE_DESCRIPTORS = 2


def leave_by_close(client):
    client.socket.close()


def leave_by_reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


def leave_by_half_close(client):
    client.socket.shutdown(socket.SHUT_WR)


WAYS = {"close": leave_by_close, "reset": leave_by_reset, "half-close": leave_by_half_close}

# Moments of an exchange: what the upstream has said by then.
HALF = answers.text("Hel")
MOMENTS = {
    "before the head": [],
    "within the head": [b"HTTP/1.1 200 OK\r\nContent-Type: text/"],
    "after the head": [answers.STREAM_HEAD],
    "within the first event": [answers.STREAM_HEAD, HALF[0][:-20]],
    "after the first event": [answers.STREAM_HEAD, *HALF],
    "within a later event": [answers.STREAM_HEAD, *HALF, HALF[0][:-20]],
    "before the end": [*saying("Hello")[:-1]],
}


def wait_until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def descriptors(house):
    return len(os.listdir(f"/proc/{house.proxy.process.pid}/fd"))


def cpu_seconds(house):
    """What the daemon has computed, user and system."""
    fields = Path(f"/proc/{house.proxy.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_well(house):
    assert observe(house.proxy.address, GOOD) == "200"


@pytest.fixture(scope="module")
def patient(open_house):
    """Its upstream may be silent for long: only leaving ends a call."""
    return open_house(FIRST_BYTE_TIMEOUT="60s", UPSTREAM_IDLE_TIMEOUT="60s", CONNECT_TIMEOUT="30s")


# Leaving ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("way", WAYS)
def test_who_leaves_cancels(patient, way, moment, streams):
    reached, seen = Event(), len(patient.upstream.requests)
    patient.upstream.will([*MOMENTS[moment], Signal(reached), UNTIL_LEFT])
    client = patient.proxy.connect()
    client.begin(message(stream=streams))
    assert reached.wait(10)
    request = patient.upstream.requests[seen]
    if moment == "before the end":
        # The answer may be complete by now, and the upstream is left with its last chunk unsent.
        leave = time.monotonic()
        WAYS[way](client)
        assert request.left.wait(10)
        client.close()
        return
    leave = time.monotonic()
    WAYS[way](client)
    assert request.left.wait(10), "the upstream was never told"
    assert request.left_at - leave < CANCEL_SECONDS_MAX
    client.close()


@pytest.mark.parametrize("way", WAYS)
def test_who_leaves_while_sending_asks_nothing(patient, way):
    seen = len(patient.upstream.requests)
    for size in [1, 40, len(GOOD) - 40, len(GOOD) - 1]:
        client = patient.proxy.connect()
        client.send(GOOD[:size])
        WAYS[way](client)
        client.close()
    is_well(patient)
    assert len(patient.upstream.requests) == seen + 1


@pytest.mark.parametrize("way", ["close", "reset"])
def test_who_leaves_in_the_moment_of_connecting_leaks_nothing(open_house, way):
    """The dangerous moment: a cancel that meets a connect. The listener's queue is full, so
    connects hang; half of the clients leave at once, half a little later."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        house = open_house(UPSTREAM_URL=f"http://127.0.0.1:{full.getsockname()[1]}/v1",
                           CONNECT_TIMEOUT="30s")
        before = descriptors(house)
        for round_ in range(100):
            client = house.proxy.connect()
            client.begin(message(stream=True))
            if round_ % 2:
                time.sleep(0.002 * (round_ % 5))
            WAYS[way](client)
            client.close()
        wait_until(lambda: descriptors(house) <= before + LANE_DESCRIPTORS)
        assert house.proxy.ask("GET", "/health").status == 200
        for filler in fillers:
            filler.close()


def test_a_crowd_that_leaves_at_once(patient):
    """200 streams under way, all reset in the same moment."""
    before, seen = descriptors(patient), len(patient.upstream.requests)
    patient.upstream.will(*[[answers.STREAM_HEAD, *HALF, UNTIL_LEFT] for _ in range(200)])
    clients = [patient.proxy.connect() for _ in range(200)]
    for client in clients:
        client.begin(message(stream=True))
    for client in clients:
        client.response_head()
    for client in clients:
        leave_by_reset(client)
    for request in patient.upstream.requests[seen:]:
        assert request.left.wait(10)
    wait_until(lambda: descriptors(patient) <= before + 8)
    is_well(patient)


# Slow ones ----------------------------------------------------------------------------------------


def endless(request):
    """64 MiB of text."""
    yield answers.STREAM_HEAD
    for _ in range(1024):
        yield answers.piece({"content": "x" * (64 << 10)})
    yield from answers.ending()


@pytest.mark.parametrize("readers", [1, 8])
def test_readers_that_stand_still_hold_their_upstreams_back(open_house, readers):
    house = open_house(FIRST_BYTE_TIMEOUT="60s", UPSTREAM_IDLE_TIMEOUT="60s")
    is_well(house)
    house.upstream.always(endless)
    before = house.proxy.memory()
    clients = [house.proxy.connect(receive_buffer=4096) for _ in range(readers)]
    for client in clients:
        client.begin(message(stream=True))
    for client in clients:
        client.response_head()
    requests = house.upstream.requests[1:]
    progress, since = None, time.monotonic()
    while time.monotonic() - since < 0.5:
        if progress != (progress := [request.sent_bytes for request in requests]):
            since = time.monotonic()
        time.sleep(0.02)
    rise = house.proxy.memory("VmHWM") - before
    print(f"{readers} readers: +{rise / MIB:.1f} MiB, upstreams got rid of"
          f" {max(progress) / MIB:.1f} MiB at most")
    assert len(requests) == readers and max(progress) < 60 * MIB
    assert rise < 32 * MIB
    idle = cpu_seconds(house)
    time.sleep(0.5)
    assert cpu_seconds(house) - idle < 0.1, "it spins while it waits"
    # One of them reads on after all, to the last byte.
    events = [value for value, _ in clients[0].events()]
    assert len(text_of(events)) == 64 * MIB and events[-1]["type"] == "message_stop"
    for client in clients:
        client.close()


def test_a_reader_of_one_byte_at_a_time_gets_all(patient):
    patient.upstream.will(saying("Hello, ", "world"))
    with patient.proxy.connect() as client:
        client.begin(message(stream=True))
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += client.socket.recv(1)
    assert b"world" in data and b"message_stop" in data


def test_a_large_body_in_small_pieces_arrives(patient):
    patient.upstream.will(saying("Hi"))
    text = "x" * (2 * MIB)
    data = request_bytes("POST", "/v1/messages",
                         message(messages=[{"role": "user", "content": text}]), JSON_FIELDS)
    with patient.proxy.connect() as client:
        for start in range(0, len(data), 7001):
            client.send(data[start : start + 7001])
        assert client.response().status == 200
    assert patient.upstream.requests[-1].json["messages"][0]["content"] == text


# Many of them -------------------------------------------------------------------------------------


def test_idle_connections_are_cheap(open_house):
    house = open_house(IDLE_TIMEOUT="5m", MAX_CONNECTIONS="20000")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(4000, hard - 500)
    sockets = []
    try:
        def crowd(number, ask):
            for _ in range(number):
                one = socket.create_connection(house.proxy.address)
                if ask:
                    one.sendall(get())
                    assert one.recv(4096).startswith(b"HTTP/1.1 200")
                sockets.append(one)

        crowd(200, True)
        before = house.proxy.memory()
        crowd(count // 2, True)   # between requests
        crowd(count // 2, False)  # before their first
        each = (house.proxy.memory() - before) / count
        print(f"{count} idle connections of {each / 1024:.2f} KiB each")
        assert each < 16 << 10
        idle = cpu_seconds(house)
        time.sleep(0.5)
        assert cpu_seconds(house) - idle < 0.1
        is_well(house)
    finally:
        for one in sockets:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: descriptors(house) < 64)


def test_churn_leaves_nothing(patient):
    """3000 connections that come and go, most of them badly."""
    is_well(patient)
    before, memory = descriptors(patient), patient.proxy.memory()
    for number in range(3000):
        one = socket.create_connection(patient.proxy.address)
        if number % 4:
            one.sendall([b"", b"G", get(), b"nonsense\r\n\r\n"][number % 4])
        if number % 3 == 0:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
    wait_until(lambda: descriptors(patient) <= before)
    assert patient.proxy.memory() - memory < 4 * MIB
    is_well(patient)


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/x"])
def test_who_sends_and_does_not_read_fills_no_memory(open_house, path):
    house = open_house()
    is_well(house)
    before = house.proxy.memory()
    requests = get(line=f"GET {path} HTTP/1.1") * 500
    with house.proxy.connect(receive_buffer=4096) as client:
        client.socket.settimeout(1)
        sent = 0
        with pytest.raises((TimeoutError, ConnectionError)):
            while sent < 256 * MIB:
                sent += client.socket.send(requests)
    rise = house.proxy.memory("VmHWM") - before
    print(f"{sent / MIB:.1f} MiB sent, +{rise / MIB:.1f} MiB")
    assert rise < 8 * MIB
    is_well(house)


def test_who_sends_ahead_of_a_stream_is_held_back(patient):
    """Behind a stream under way, 64 KiB are kept; the rest waits in the kernel."""
    reached = Event()
    patient.upstream.will([answers.STREAM_HEAD, *HALF, Signal(reached), UNTIL_LEFT])
    before = patient.proxy.memory()
    with patient.proxy.connect() as client:
        client.begin(message(stream=True))
        assert reached.wait(10)
        client.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            for _ in range(10_000):
                client.socket.send(get() * 500)
        assert patient.proxy.memory() - before < 4 * MIB
    assert patient.upstream.requests[-1].left.wait(10)


def test_a_thousand_requests_ahead_are_all_answered(patient):
    with patient.proxy.connect() as client:
        threading.Thread(target=lambda: client.send(get() * 1000), daemon=True).start()
        for _ in range(1000):
            assert client.response().status == 200
        client.expect_nothing_more()


# Overload -----------------------------------------------------------------------------------------


def check_529(response):
    assert (response.status, response.error["type"]) == (529, "overloaded_error")
    assert int(response.header("retry-after")) >= 1
    assert response.header("connection") == "close"


def test_connections_beyond_the_limit_get_a_529(open_house):
    house = open_house(MAX_CONNECTIONS="10")
    crowd = []
    for _ in range(10):
        crowd.append(house.proxy.connect())
        # From its first message on a connection keeps its place.
        assert crowd[-1].post(message()).status == 200
    for _ in range(5):
        check_529(house.proxy.post(message()))
    assert len(house.upstream.requests) == 10
    # Those who were there first are still served.
    assert crowd[0].post(message()).status == 200
    crowd.pop().close()
    wait_until(lambda: house.proxy.post(message()).status == 200)
    for client in crowd:
        client.close()


def test_who_is_beyond_the_limit_and_silent_is_let_go(open_house):
    house = open_house(MAX_CONNECTIONS="1", IDLE_TIMEOUT="60s")
    with house.proxy.connect() as first:
        assert first.ask("GET", "/health").status == 200
        with house.proxy.connect() as second:
            began = time.monotonic()
            second.expect_end()
            assert time.monotonic() - began < 10


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_requests_beyond_the_limit_get_a_529(open_house, streams):
    house = open_house(MAX_REQUESTS="3", FIRST_BYTE_TIMEOUT="60s", UPSTREAM_IDLE_TIMEOUT="60s")
    house.upstream.will(*[[answers.STREAM_HEAD, *HALF, UNTIL_LEFT]] * 3)
    crowd = [house.proxy.connect() for _ in range(3)]
    for client in crowd:
        client.begin(message(stream=streams))
    house.upstream.wait_for_requests(3)
    for _ in range(5):
        check_529(house.proxy.post(message(stream=streams)))
        check_529(house.proxy.post(message(), path="/v1/messages/count_tokens"))
    # Before its body: the client need not send it.
    assert observe(house.proxy.address, post(f"Content-Length: {BODY_MAX}", data=b"")) == "529!"
    assert len(house.upstream.requests) == 3
    assert house.proxy.ask("GET", "/health").status == 200
    for client in crowd:
        client.close()
    wait_until(lambda: house.proxy.post(message(stream=streams)).status == 200)


def test_places_come_back_however_a_request_ends(open_house):
    house = open_house(MAX_REQUESTS="1", BODY_TIMEOUT="200ms", MAX_BODY="1MiB")
    ends = [
        GOOD, post("Content-Length: 5", data=b"12345"), post("Content-Length: 5", data=b"1"),
        post(CHUNKED, data=b"zz\r\n"), post(CHUNKED, data=chunk(b"x") + b"fffffff\r\n"),
        post("Content-Length: 5", "Content-Encoding: gzip", data=b"12345"),
    ]
    for data in ends:
        observe(house.proxy.address, data)
        is_well(house)
        observe(house.proxy.address, data[:-1], ends=True)
        is_well(house)
    client = house.proxy.connect()
    client.begin(message(stream=True))
    leave_by_reset(client)
    wait_until(lambda: observe(house.proxy.address, GOOD) == "200")


def test_a_full_table_of_descriptors_is_survived(open_house):
    """EMFILE: running streams live, nothing spins, and all is well when descriptors come back."""
    house = open_house(FIRST_BYTE_TIMEOUT="60s", UPSTREAM_IDLE_TIMEOUT="60s")
    go_on = Event()

    def script(_):
        yield answers.STREAM_HEAD
        yield from HALF
        go_on.wait(20)
        yield from saying("lo")[1:]

    house.upstream.will(script)
    pid = house.proxy.process.pid
    running = house.proxy.connect()
    running.begin(message(stream=True))
    running.response_head()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(house) + 4, limits[1]))
    crowd = [socket.create_connection(house.proxy.address) for _ in range(50)]
    house.proxy.wait_for_log("new connections have to wait")
    for one in crowd[:4]:
        one.sendall(GOOD)
    before, began = cpu_seconds(house), time.monotonic()
    time.sleep(1.5)
    share = (cpu_seconds(house) - before) / (time.monotonic() - began)
    print(f"{share:.1%} of a core while descriptors are out")
    assert share < 0.25
    assert house.proxy.process.poll() is None
    # Those who have come in are told: there is no descriptor to ask the upstream by.
    crowd[0].settimeout(10)
    said = crowd[0].recv(65536)
    assert said.startswith(b"HTTP/1.1 529 ") and b"LimitNOFILE" in said, said
    assert b"Retry-After: 1\r\n".lower() in said.lower()
    go_on.set()
    events = [value for value, _ in running.events()]
    assert text_of(events) == "Hello" and events[-1]["type"] == "message_stop"
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    for one in crowd[4:]:
        one.sendall(get())
    for one in crowd[4:]:
        one.settimeout(10)
        assert one.recv(4096).startswith(b"HTTP/1.1 200")
    for one in crowd:
        one.close()
    running.close()
    wait_until(lambda: observe(house.proxy.address, GOOD) == "200")
    complaints = [line for line in house.proxy.lines if "new connections have to wait" in line]
    assert len(complaints) < 20, "one cause, one record"


def test_nothing_is_left_of_all_this(patient):
    """Runs last: descriptors and calls after the whole module."""
    is_well(patient)
    wait_until(lambda: descriptors(patient) < 40)
