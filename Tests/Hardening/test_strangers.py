"""Who has not shown that it may use the proxy costs little and takes nobody's place."""

import resource
import socket
import statistics
import time

import pytest

from http_cases import get
from support.client import Client, message

MIB = 1 << 20
TOKENS = {"CLIENT_TOKENS": "first-token,second-token"}
TOKEN = {"x-api-key": "first-token"}
HEALTH = get()


@pytest.fixture(autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowd(address, count, data=b"", receive_buffer=None, sends_until_full=False):
    """So many connections that each say `data` and then nothing more, and never read."""
    sockets = []
    for _ in range(count):
        one = socket.socket(socket.AF_INET)
        one.settimeout(10)
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.connect(address)
        sockets.append(one)
        one.setblocking(False)
        try:
            while data and one.send(data) and sends_until_full:
                pass
        except (BlockingIOError, ConnectionError):
            pass
    return sockets


def close(sockets):
    for one in sockets:
        one.close()


def rests_at(house, limit, seconds=20):
    """The memory once it has come to rest below `limit`, or at the deadline."""
    deadline = time.monotonic() + seconds
    while (memory := house.proxy.memory()) > limit and time.monotonic() < deadline:
        time.sleep(0.1)
    return memory


def own_address():
    """An address of this machine that is not of the loopback interface: asking for a route sends
    nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but that of the loopback interface")
        return probe.getsockname()[0]


# Places -------------------------------------------------------------------------------------------

HOLDERS = {
    "silent": b"", "with /health": HEALTH, "with half a head": HEALTH[:-4],
    "with a wrong token": get("x-api-key: wrong", line="GET /health HTTP/1.1"),
    "with HEAD": get(line="HEAD / HTTP/1.1"),
}


@pytest.mark.parametrize("data", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("count", [50, 200])
def test_strangers_do_not_take_the_places_of_guests(open_house, data, count):
    house = open_house(MAX_CONNECTIONS="50", IDLE_TIMEOUT="5m", **TOKENS)
    holders = crowd(house.proxy.address, count, data)
    try:
        for _ in range(12):
            began = time.monotonic()
            assert house.proxy.post(message(), TOKEN).status == 200
            assert time.monotonic() - began < 2
    finally:
        close(holders)


def test_who_asks_for_health_again_and_again_goes_first(open_house):
    house = open_house(MAX_CONNECTIONS="8", IDLE_TIMEOUT="5m", **TOKENS)
    with house.proxy.connect() as oldest:
        later = crowd(house.proxy.address, 5)
        assert oldest.ask("GET", "/health").status == 200
        assert oldest.ask("GET", "/health").status == 200
        later += crowd(house.proxy.address, 1)
        oldest.expect_end()
    close(later)


def test_guests_keep_their_places_among_strangers(open_house):
    house = open_house(MAX_CONNECTIONS="40", IDLE_TIMEOUT="5m", **TOKENS)
    guests = [house.proxy.connect() for _ in range(10)]
    try:
        for guest in guests:
            assert guest.post(message(), TOKEN).status == 200
        strangers = crowd(house.proxy.address, 300, HEALTH)
        for guest in guests:
            assert guest.post(message(), TOKEN).status == 200
        close(strangers)
    finally:
        for guest in guests:
            guest.close()


def test_without_a_token_a_connection_does_not_last(open_house):
    house = open_house(IDLE_TIMEOUT="5m", **TOKENS)
    with house.proxy.connect() as guest, house.proxy.connect() as stranger:
        assert guest.post(message(), TOKEN).status == 200
        began = time.monotonic()
        stranger.socket.settimeout(20)
        stranger.expect_end()
        assert 5 < time.monotonic() - began < 15
        assert guest.post(message(), TOKEN).status == 200


# Peers that can never be served -------------------------------------------------------------------


@pytest.fixture
def reachable(open_house):
    """A daemon without tokens that other machines reach; a client of theirs has the address."""
    address = own_address()
    house = open_house(LISTEN="0.0.0.0:0", IDLE_TIMEOUT="5m", MAX_CONNECTIONS="50")
    port = house.proxy.address[1]
    return house, (address, port), ("127.0.0.1", port)


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/health", 200), ("HEAD", "/", 200), ("GET", "/v1/models", 403)])
def test_another_machine_gets_one_answer(reachable, method, path, status):
    house, outside, _ = reachable
    with Client(outside) as client:
        response = client.ask(method, path)
        assert response.status == status and response.header("connection") == "close"
        client.expect_end()


def test_another_machine_is_told_how_to_open_it(reachable):
    house, outside, _ = reachable
    with Client(outside) as client:
        response = client.post(message(), TOKEN)
    assert (response.status, response.error["type"]) == (403, "permission_error")
    assert "CLAUDE_PROXY_CLIENT_TOKENS" in response.error["message"]


def test_other_machines_take_no_place_and_little_time(reachable):
    house, outside, inside = reachable
    crowds = crowd(outside, 600) + crowd(outside, 600, HEALTH[:-4])
    try:
        for _ in range(5):
            began = time.monotonic()
            with Client(inside) as client:
                assert client.post(message()).status == 200
            assert time.monotonic() - began < 2
        # A load balancer's question is still answered.
        with Client(outside) as client:
            assert client.ask("GET", "/health").status == 200
        # All of them are let go soon: each ends within some seconds.
        deadline = time.monotonic() + 10
        for one in crowds:
            one.setblocking(True)
            one.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                while one.recv(4096):
                    pass
            except ConnectionError:
                pass
    finally:
        close(crowds)


# Memory -------------------------------------------------------------------------------------------

HOSTILE = {
    "pipelined /health, not read": dict(data=HEALTH * 500, receive_buffer=4096,
                                        sends_until_full=True),
    "half heads": dict(data=HEALTH[:-4]),
    "heads of 32 KiB": dict(data=HEALTH[:-2] + b"A: " + b"a" * 32_000),
}


@pytest.mark.parametrize("kind", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("settings", [TOKENS, {}], ids=["token", "loopback"])
def test_memory_comes_back_from_a_thousand_of_them(open_house, kind, settings):
    house = open_house(IDLE_TIMEOUT="5m", HEAD_TIMEOUT="60s", **settings)
    for _ in range(20):
        assert house.proxy.post(message(), TOKEN).status == 200
    before = house.proxy.memory()
    hostile = crowd(house.proxy.address, 1000, **kind)
    try:
        times = []
        for _ in range(5):
            began = time.monotonic()
            assert house.proxy.post(message(), TOKEN).status == 200
            times.append(time.monotonic() - began)
        held = house.proxy.memory() - before
    finally:
        close(hostile)
    after = rests_at(house, before + 10 * MIB) - before
    print(f"held {held / MIB:.1f} MiB, peak +{(house.proxy.memory('VmHWM') - before) / MIB:.1f},"
          f" at rest +{after / MIB:.1f}; a message took {statistics.median(times) * 1000:.0f} ms")
    # Whoever may use the proxy may send 64 KiB ahead.
    assert held < (64 if settings else 160) * MIB
    assert after < 10 * MIB
    assert statistics.median(times) < 2
