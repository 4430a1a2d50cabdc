"""The log: it never stops serving, no peer fills it or forges in it, no conversation is in it."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time

import pytest

from support import DEADLINE
from support.answers import failing, saying, whole
from support.client import Client, message
from support.proxy import KEY, binary, under_sanitizers


class Standing:
    """A daemon whose standard error nobody reads until `read` is called."""

    def __init__(self, directory, upstream, kind, **environment):
        self.kind = kind
        if kind == "pty":
            self.reader, writer = pty.openpty()
        elif kind == "socket":
            one, two = socket.socketpair()
            self.reader, writer = one.detach(), two.detach()
        elif kind == "fifo":
            path = directory / "fifo"
            os.mkfifo(path)
            self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            writer = os.open(path, os.O_WRONLY)
            os.set_blocking(self.reader, True)
        else:
            self.reader, writer = os.pipe()
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        self.port_file = None
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        listener.close()
        self.process = subprocess.Popen(
            [binary(), "serve"], cwd=directory, stderr=writer, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env={
                "CLAUDE_PROXY_LISTEN": f"127.0.0.1:{self.address[1]}",
                "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "CLAUDE_PROXY_LOG_FORMAT": "json",
                "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter", "CLAUDE_PROXY_LOG_LEVEL": "debug",
                "CLAUDE_PROXY_MODELS_REFRESH": "0s", "OPENROUTER_API_KEY": KEY,
                **under_sanitizers(), **environment})
        os.close(writer)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                Client(self.address).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < end and self.process.poll() is None

    def read_until(self, words):
        """What comes until a line has the words."""
        text = b""
        end = time.monotonic() + DEADLINE
        while words not in text:
            assert time.monotonic() < end, text[-2000:]
            text += os.read(self.reader, 1 << 16)
        return text.decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.reader)


@pytest.fixture
def standing(tmp_path, upstream):
    daemons = []

    def start(kind, **environment):
        daemons.append(Standing(tmp_path, upstream, kind, **environment))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.close()


@pytest.mark.parametrize("kind", ["pipe", "pty", "fifo", "socket"])
def test_a_log_that_nobody_reads_costs_lines_and_no_requests(standing, kind):
    daemon = standing(kind)
    with Client(daemon.address) as client:
        for _ in range(5000):
            assert client.ask("GET", "/health").status == 200
    # Once somebody reads, the lines that there was room for come in order, then how many are lost.
    text = daemon.read_until(b"log lines were dropped")
    dropped = int(re.search(r'"(\d+) log lines were dropped', text)[1])
    assert dropped > 0
    lines = [line for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    # One connection is one worker's: what other threads say at a start may come between, a moment late.
    records = [record for record in map(json.loads, lines) if "outcome" in record]
    assert len(records) + dropped == 5000
    times = [record["time"] for record in records]
    assert times == sorted(times)
    # And the log goes on.
    with Client(daemon.address) as client:
        assert client.ask("GET", "/health").status == 200
    daemon.read_until(b"GET /health 200")


def test_a_daemon_whose_log_nobody_reads_ends_when_it_is_told(standing):
    daemon = standing("pipe")
    with Client(daemon.address) as client:
        for _ in range(300):
            client.ask("GET", "/health")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(DEADLINE) == 0


def test_standard_error_keeps_its_flags(standing, tmp_path):
    daemon = standing("pipe")
    target = f"/proc/{daemon.process.pid}/fdinfo/2"
    flags = int(re.search(r"flags:\s+(\d+)", open(target).read())[1], 8)
    assert not flags & os.O_NONBLOCK


def test_a_notify_socket_that_nobody_reads_stops_nothing(standing, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        full.setblocking(False)
        try:
            while True:
                full.sendto(b"STATUS=full", path)
        except BlockingIOError:
            pass
        daemon = standing("pipe", NOTIFY_SOCKET=path, WATCHDOG_USEC="100000")
        with Client(daemon.address) as client:
            for _ in range(20):
                assert client.ask("GET", "/health").status == 200
        # What matters was kept for later.
        manager.settimeout(DEADLINE)
        while not manager.recv(1 << 16).startswith(b"READY=1"):
            pass
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(DEADLINE) == 0


# Repetition


def test_probes_are_for_debugging(upstream, proxy):
    for _ in range(20):
        assert proxy.ask("GET", "/health").status == 200
    upstream.will(saying("Hi"))
    assert proxy.post(message()).status == 200
    assert len(proxy.wait_for_records(1)) == 1


def test_refusals_of_a_kind_are_one_line_a_second(upstream, start):
    proxy = start(CLIENT_TOKENS="a-token-of-32-characters-01234567")
    began = time.monotonic()
    for _ in range(200):
        assert proxy.post(message()).status == 401
    line = proxy.wait_for_log("more requests were refused with 401")
    seconds = time.monotonic() - began
    assert line["status"] == 401 and line["count"] > 0 and line["client"] == "127.0.0.1"
    refused = [one for one in proxy.records if one["status"] == 401]
    assert 1 <= len(refused) <= 2 + seconds
    # The requests that are served have their records all the while.
    upstream.always(saying("Hi"))
    for _ in range(5):
        fields = {"x-api-key": "a-token-of-32-characters-01234567"}
        assert proxy.post(message(), fields).status == 200
    end = time.monotonic() + DEADLINE
    while sum(one["status"] == 200 for one in proxy.records) < 5:
        assert time.monotonic() < end


# Conversations

ECHOES = [
    "[{'type': 'value_error', 'loc': ('body',), 'input': [{'content': 'My password is hunter2'}]}]",
    "Invalid schema for function 'f': 'hunter2' is not valid under any of the given schemas.",
    "hunter2 is not a valid model", 'Bad input {"content": "hunter2"}', "Input: hunter2",
    "1 validation error for ValidatorIterator\n0.hunter2\n  Field required", "“hunter2” is wrong",
]


@pytest.mark.parametrize("text", ECHOES)
@pytest.mark.parametrize("status", [400, 422, 500, 503])
def test_no_text_of_a_conversation_is_in_the_log(upstream, start, text, status):
    proxy = start(LOG_LEVEL="debug")
    upstream.always(failing(status, text))
    response = proxy.post(message())
    # The client is told everything.
    assert "hunter2" in response.error["message"]
    proxy.wait_for_records(1)
    assert not any("hunter2" in line for line in proxy.lines)


def test_an_error_event_and_a_page_are_not_in_the_log_either(upstream, proxy):
    upstream.always(whole(200, "<title>hunter2</title>".encode(), "text/html"))
    assert proxy.post(message(stream=True)).status >= 500
    upstream.always(whole(200, {"error": {"message": "no 'hunter2'", "code": 400}}))
    assert proxy.post(message()).status == 400
    proxy.wait_for_records(2)
    assert not any("hunter2" in line for line in proxy.lines)


# Forgeries

FORGED = "x/y  outcome=forged  status=999"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_peer_forges_a_field_or_drives_a_terminal(upstream, start, tmp_path, form):
    model = FORGED + " \u009b31m\u202e\u2028\u200f\ufeff\"\\"
    standing = Standing(tmp_path, upstream, "pipe", CLAUDE_PROXY_LOG_FORMAT=form)
    try:
        upstream.will(saying("Hi"))
        with Client(standing.address) as client:
            agent = "ua  client=10.9.9.9  outcome=forged"
            client.post(message(model=model), {"user-agent": agent})
        line = next(
            line for line in standing.read_until(b"user_agent").splitlines() if "user_agent" in line)
        assert line.isascii() and line.isprintable()
        if form == "json":
            value = json.loads(line)
            assert value["model"].startswith(FORGED) and value["outcome"] != "forged"
            return
        # What is in quotation marks is a value.
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
        assert "forged" not in bare and "10.9.9.9" not in bare and "999" not in bare
        assert 'user_agent=""' in bare and 'model=""' in bare
    finally:
        standing.close()
