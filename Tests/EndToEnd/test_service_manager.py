"""What the service manager is told, and what it is waited for. The test plays systemd."""

import signal
import socket
import subprocess
import time
from threading import Event

import pytest

from support import DEADLINE, answers
from support.client import Client, message
from support.proxy import KEY, binary, run, under_sanitizers
from support.upstream import Wait


class Manager:
    """The socket to which sd_notify(3) sends."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(DEADLINE)

    def next(self):
        """The next message, as a dictionary."""
        return dict(line.split("=", 1) for line in self._socket.recv(1 << 16).decode().splitlines())

    def wait_for(self, key, words=""):
        while True:
            values = self.next()
            if key in values and words in values[key]:
                return values

    def close(self):
        self._socket.close()


@pytest.fixture
def managed(upstream, tmp_path):
    """Starts the daemon as systemd would: gives the process and the manager."""
    manager = Manager(tmp_path)
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    file = tmp_path / "config.env"
    file.write_text("")
    environment = {
        "NOTIFY_SOCKET": manager.path, "RUNTIME_DIRECTORY": str(runtime),
        "WATCHDOG_USEC": "600000", "CLAUDE_PROXY_LISTEN": "127.0.0.1:0",
        "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
        "CLAUDE_PROXY_WORKERS": "2", "CLAUDE_PROXY_MODELS_REFRESH": "0s",
        "OPENROUTER_API_KEY": KEY, **under_sanitizers(),
    }
    process = subprocess.Popen(
        [binary(), "serve", "--config", str(file)], cwd=tmp_path, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def reload(text):
        file.write_text(text)
        return run(["reload", str(process.pid)], tmp_path, {"RUNTIME_DIRECTORY": str(runtime)})

    yield process, manager, reload
    process.kill()
    process.wait()
    process.stderr.close()
    manager.close()


def test_ready_signs_of_life_and_the_end(managed):
    process, manager, _ = managed
    assert "0 requests" in manager.wait_for("READY")["STATUS"]
    # A third of the 600 ms after which systemd would kill it.
    began = time.monotonic()
    for _ in range(3):
        manager.wait_for("WATCHDOG")
    assert time.monotonic() - began < 2
    process.send_signal(signal.SIGTERM)
    manager.wait_for("STOPPING")
    assert process.wait(DEADLINE) == 0


def test_the_status_counts_the_answers_under_way(upstream, managed):
    process, manager, _ = managed
    manager.wait_for("READY")
    address = next(
        line.split("listening on ")[1].split(";")[0]
        for line in process.stderr if "listening on " in line)
    go_on = Event()
    upstream.always([answers.STREAM_HEAD, *answers.text("O"), Wait(go_on), *answers.ending()])
    host, port = address.rsplit(":", 1)
    with Client((host, int(port))) as client:
        client.begin(message(stream=True))
        client.response_head()
        manager.wait_for("STATUS", "1 answers under way, 1 connections")
        go_on.set()
        manager.wait_for("STATUS", "0 answers under way")
        assert "1 requests, 0 failed" in manager.wait_for("STATUS", "1 requests")["STATUS"]


def test_a_reload_says_when_it_began_and_is_waited_for(managed):
    process, manager, reload = managed
    manager.wait_for("READY")
    for number in range(20):
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        result = reload(f"OPENROUTER_MODEL=vendor/model-{number}\n")
        assert result.returncode == 0, result.stderr
        values = manager.wait_for("RELOADING")
        began = int(values["MONOTONIC_USEC"]) / 1e6
        assert before <= began <= time.clock_gettime(time.CLOCK_MONOTONIC)
        # It was sent before the command ended, so nothing else can come first.
        while "READY" not in (values := manager.next()):
            assert "WATCHDOG" in values or "STATUS" in values


def test_a_reload_that_is_refused_fails(managed):
    _, manager, reload = managed
    manager.wait_for("READY")
    result = reload("CLAUDE_PROXY_PING_INTERVAL=never\n")
    assert result.returncode == 78 and "not reloaded" in result.stderr
    assert "CLAUDE_PROXY_PING_INTERVAL" in manager.wait_for("READY")["STATUS"]
    assert reload("").returncode == 0
    assert "not reloaded" not in manager.wait_for("READY")["STATUS"]


def test_a_reload_without_a_daemon_fails(tmp_path):
    (tmp_path / "runtime").mkdir()
    ended = subprocess.Popen(["true"])
    ended.wait()
    environment = {"RUNTIME_DIRECTORY": str(tmp_path / "runtime")}
    assert run(["reload", str(ended.pid)], tmp_path, environment).returncode == 1
    assert run(["reload", "1"], tmp_path).returncode == 1
