"""The proxy's process: its own environment and directory, its log, its end."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from . import DEADLINE
from .client import Client

# The upstream's key in all tests. After every test it is looked for in everything that was written.
KEY = "secret-upstream-key-0123456789"

ROOT = Path(__file__).resolve().parents[3]


def binary():
    """The program under test: `CLAUDE_PROXY_BINARY`, else the newest build there is."""
    if path := os.environ.get("CLAUDE_PROXY_BINARY"):
        return str(Path(path).resolve())
    for build in ["release", "debug"]:
        path = ROOT / ".build" / build / "claude-proxy"
        if path.exists():
            return str(path)
    raise AssertionError("no binary: run `make build`")


def full_names(settings):
    """Settings by their short names, `STATUS_HOLD` for `CLAUDE_PROXY_STATUS_HOLD`. Those in lower
    case are variables of everybody's, such as `https_proxy`."""
    return {
        name if name.startswith("OPENROUTER_") or name.islower() else f"CLAUDE_PROXY_{name}": value
        for name, value in settings.items()
    }


def under_sanitizers():
    """The environment that `make sanitize` asks for: the options, and workers that can race."""
    if "ASAN_OPTIONS" not in os.environ:
        return {}
    # What gives a report its names is found by PATH.
    names = ["ASAN_OPTIONS", "CLAUDE_PROXY_WORKERS", "PATH"]
    return {name: os.environ[name] for name in names if name in os.environ}


def run(arguments, directory, environment=None):
    """Runs a command of the program to its end."""
    return subprocess.run(
        [binary(), *arguments], cwd=directory, env=environment or {}, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
    )


class Proxy:
    """A running `claude-proxy serve`."""

    def __init__(self, directory, upstream_url, arguments=(), state=None, **settings):
        environment = {
            "CLAUDE_PROXY_LISTEN": "127.0.0.1:0",
            "CLAUDE_PROXY_LOG_FORMAT": "json",
            # Scripts are for requests; tests of the list of models ask for it.
            "CLAUDE_PROXY_MODELS_REFRESH": "0s",
            # The one under which the seals in Tests/Scenarios are.
            "CLAUDE_PROXY_SEAL_KEY": "k" * 32,
            "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
            "OPENROUTER_API_KEY": KEY,
        }
        if upstream_url:
            environment["CLAUDE_PROXY_UPSTREAM_URL"] = upstream_url
        if state:
            environment["STATE_DIRECTORY"] = str(state)
        environment.update(under_sanitizers())
        environment.update(full_names(settings))
        self.process = subprocess.Popen(
            [binary(), "serve", *arguments], cwd=directory,
            env={name: value for name, value in environment.items() if value is not None},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.lines: list[str] = []
        self.output = b""
        self._changed = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        line = self.wait_for_log("listening on ")
        self.addresses = re.search(r"listening on ([^;]*);", line["message"])[1].split(", ")

    def _read_log(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode())
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    # The log

    def wait_for_log(self, words, start=0):
        """The first record from line `start` on whose message contains `words`."""

        def find():
            for line in self.lines[start:]:
                if words in line:
                    return line
            return self._has_ended

        with self._changed:
            line = self._changed.wait_for(find, DEADLINE)
        assert isinstance(line, str), f"no {words!r} in the log:\n{''.join(self.lines)}"
        return json.loads(line)

    @property
    def records(self):
        """The records of finished requests."""
        values = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [value for value in values if "outcome" in value]

    def wait_for_records(self, count):
        with self._changed:
            self._changed.wait_for(
                lambda: len(self.records) >= count or self._has_ended, DEADLINE)
        assert len(self.records) >= count, f"{len(self.records)} records instead of {count}: {''.join(self.lines)}"
        return self.records

    # The network

    @property
    def address(self):
        """Where it listens, as `Client` wants it."""
        return self.parse(self.addresses[0])

    @staticmethod
    def parse(address):
        if address.startswith("unix:"):
            return address[5:]
        host, port = address.rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def url(self):
        return f"http://{self.addresses[0]}"

    def connect(self, **more):
        return Client(self.address, **more)

    def ask(self, method, path, body=None, fields=None, **more):
        with self.connect() as client:
            return client.ask(method, path, body, fields, **more)

    def post(self, body, fields=None, **more):
        with self.connect() as client:
            return client.post(body, fields, **more)

    # The process

    def memory(self, name="VmRSS"):
        """A figure of /proc/…/status, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024

    def cpu_seconds(self):
        """The processor time it has taken so far, to a hundredth of a second."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Waits for the end, and returns the exit code."""
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self.output = self.process.stdout.read()
        return code

    def stop(self):
        """Ends the process and checks that it led a decent life."""
        try:
            if self.process.poll() is None:
                self.signal(signal.SIGTERM)
                # A second signal does not wait for answers that a failed test left behind.
                time_out = time.monotonic() + 1
                while self.process.poll() is None and time.monotonic() < time_out:
                    time.sleep(0.005)
                if self.process.poll() is None:
                    self.signal(signal.SIGTERM)
            code = self.wait()
        finally:
            self.process.kill()
            self.process.wait()
        log = "".join(self.lines)
        assert code == 0, f"exit code {code}\n{log}"
        for word in [
            "Fatal error", "Program crashed", "Stack dump", "ERROR: AddressSanitizer",
            "WARNING: ThreadSanitizer",
        ]:
            assert word not in log, log
        assert KEY not in log and KEY.encode() not in self.output
