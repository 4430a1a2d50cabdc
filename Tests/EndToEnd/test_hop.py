"""Connections whose peer is dead behind a hop that lives, sockets of no more use, and shut windows."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from support import answers
from support.client import message
from support.h2 import ShutUpstream
from support.hop import Hop
from support.tls import certificates, front, needs_front  # noqa: F401

PATHS = [(True, "h2"), (True, "h1"), (False, "h2"), (False, "h1"), (False, "plain")]
KEPT = 32
NAMES = ["tunnel-h2", "tunnel-h1", "forwarder-h2", "forwarder-h1", "forwarder-plain"]


@pytest.fixture
def path(request, upstream, front, start, certificates):
    """A proxy that reaches its upstream by a hop."""
    is_tunnel, protocol = request.param
    hops = []

    class Path:
        def start(self, **settings):
            upstream.always(answers.saying("Hello"))
            if protocol == "plain":
                port = upstream.port
            else:
                more = ["--npn-list=http/1.1"] if protocol == "h1" else []
                url, _ = front("other" if is_tunnel else "good", *more)
                port = int(url.split(":")[2].split("/")[0])
            self.hop = Hop(port, is_tunnel)
            hops.append(self.hop)
            if is_tunnel:
                url = f"https://other.test:{port}/v1"
                settings["https_proxy"] = f"http://127.0.0.1:{self.hop.port}"
            else:
                scheme = "http" if protocol == "plain" else "https"
                url = f"{scheme}://localhost:{self.hop.port}/v1"
            if protocol != "plain":
                settings["UPSTREAM_CA_FILE"] = str(certificates / "ca.pem")
            self.proxy = start(url=url, WORKERS="1", **settings)
            # All at the same time, so that each has a connection of its own, or a stream.
            together = threading.Barrier(KEPT)

            def script(_):
                together.wait(20)
                return answers.saying("Hello")

            upstream.will(*[script] * KEPT)
            assert {status for status, _ in self.ask_many(KEPT)} == {200}
            assert self.hop.connection_count >= (1 if protocol == "h2" else KEPT)
            return self

        def ask(self, **more):
            began = time.monotonic()
            status = self.proxy.post(message(**more)).status
            return status, time.monotonic() - began

        def ask_many(self, count):
            results = []
            threads = [
                threading.Thread(target=lambda more=index % 2 == 1: results.append(
                    self.ask(stream=more)))
                for index in range(count)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return results

    yield Path()
    for hop in hops:
        hop.close()


@needs_front
@pytest.mark.parametrize("path", PATHS, ids=NAMES, indirect=True)
def test_a_first_byte_timeout_gives_all_kept_connections_up(path):
    path.start(FIRST_BYTE_TIMEOUT="2s")
    path.hop.freeze()
    # Those that were under way are not asked again: nobody knows what became of them.
    lost = path.ask_many(6)
    assert {status for status, _ in lost} == {504} and max(time for _, time in lost) < 4
    after = [path.ask() for _ in range(8)]
    assert {status for status, _ in after} == {200}
    assert max(time for _, time in after) < 1.5


@needs_front
@pytest.mark.parametrize("path", PATHS, ids=NAMES, indirect=True)
def test_what_is_silent_for_15_s_gets_no_more_requests(path):
    path.start(FIRST_BYTE_TIMEOUT="60s")
    path.hop.freeze()
    before = path.hop.connection_count
    with path.proxy.connect() as waiting:
        began = time.monotonic()
        waiting.begin(message())
        # Who asks meanwhile meets a dead connection too, of which there are many, and gives up soon.
        while path.hop.connection_count == before:
            assert time.monotonic() - began < 25
            with path.proxy.connect() as impatient:
                impatient.begin(message())
                impatient.socket.settimeout(1)
                try:
                    impatient.socket.recv(1)
                except TimeoutError:
                    pass
        assert time.monotonic() - began < 20
        after = [path.ask() for _ in range(8)]
        assert {status for status, _ in after} == {200}
        assert max(time for _, time in after) < 1.5


def sockets_to(proxy, port):
    """How many sockets the proxy has to this port, and how many of them the other side has closed."""
    pid = proxy.process.pid
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    states = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].split(":")[1], 16) == port and f"socket:[{fields[9]}]" in inodes:
            states.append(fields[3])
    return len(states), states.count("08")


def test_sockets_that_the_upstream_has_closed_do_not_stay(upstream, start):
    """libcurl would close them when the next request comes: on a quiet day never."""
    proxy = start(WORKERS="1")
    together = threading.Barrier(4)

    def script(_):
        together.wait(20)
        return answers.saying("Hello")

    upstream.will(*[script] * 4)
    threads = [threading.Thread(target=lambda: proxy.post(message())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sockets_to(proxy, upstream.port) == (4, 0)
    upstream.close()
    deadline = time.monotonic() + 45
    while sockets_to(proxy, upstream.port) != (0, 0):
        assert time.monotonic() < deadline, sockets_to(proxy, upstream.port)
        time.sleep(0.2)


def cpu_seconds(proxy):
    text = Path(f"/proc/{proxy.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.release
@pytest.mark.parametrize("drips", [False, True], ids=["shut", "dripping"])
@pytest.mark.parametrize("window", [0, 1, 65_535])
def test_a_shut_window_costs_no_processor_time(certificates, start, window, drips):
    """libcurl 7.88 waits for a socket that is always writable while a stream's window is shut."""
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},' \
        b'"finish_reason":"stop"}]}'
    server = ShutUpstream(
        certificates / "good.pem", certificates / "good.key", body, window, drips)
    proxy = start(
        url=server.url, WORKERS="1", FIRST_BYTE_TIMEOUT="60s",
        UPSTREAM_CA_FILE=str(certificates / "ca.pem"))
    with proxy.connect() as client:
        client.begin(message(messages=[{"role": "user", "content": "x" * 300_000}]))
        assert server.is_shut.wait(20)
        before, began = cpu_seconds(proxy), time.monotonic()
        time.sleep(2)
        share = (cpu_seconds(proxy) - before) / (time.monotonic() - began)
        print(f"{share:.1%} of a core while the window is shut")
        # What spins takes more than half.
        assert share < 0.25
        began = time.monotonic()
        server.open()
        response = client.response()
        assert response.status == 200 and time.monotonic() - began < 2
        assert server.received > 300_000
    server.close()
