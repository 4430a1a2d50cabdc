"""The processes of a benchmark: what is built from C, the upstream, the proxy, nginx and the baseline.

All listen on loopback, on ports that the kernel chooses; whoever needs a fixed one (nginx, gunicorn)
inherits a socket that is bound already. Everything ends with `close`.
"""

import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / ".build" / "benchmarks"
TICKS = os.sysconf("SC_CLK_TCK")
# A whole run has to end, whatever hangs.
START_SECONDS = 20


def compiled(name, *options):
    """The program `name` (a shared object when it ends in .so), built when its source is newer."""
    source, target = HERE / f"{Path(name).stem}.c", BUILD / name
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        command = ["cc", "-O2", "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror"]
        command += ["-fPIC", "-shared"] if name.endswith(".so") else []
        subprocess.run([*command, *options, "-o", target, source], check=True)
    return str(target)


def without_debug_information():
    """The proxy with its symbols and without DWARF, which valgrind 3.19 cannot read."""
    source, target = Proxy.binary, BUILD / "claude-proxy"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["strip", "--strip-debug", "-o", target, source], check=True)
    return target


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def listening_socket():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.set_inheritable(True)
    return listener


def wait_until(what, condition, process=None, seconds=START_SECONDS):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what}: the process ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.005)
    return found


class Server:
    """A process under measurement."""

    name = ""
    # "messages": the Anthropic API; "chat": the upstream's own.
    speaks = "chat"

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="bench-"))
        self.process = None
        self.port = 0

    def launch(self, command, **options):
        self.log = open(self.directory / "log", "w+b")
        options.setdefault("stdout", self.log)
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stderr=self.log,
            cwd=self.directory, **options)

    def log_text(self):
        return (self.directory / "log").read_text(errors="replace")

    def pids(self):
        """The process and its children."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_seconds(self):
        """User and system time so far."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def rss_mb(self):
        total = 0
        for pid in self.pids():
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        return total / 1024

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        return body

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Upstream(Server):
    """upstream.c; as a target of its own it is what "direct" means."""

    name = "direct"

    def __init__(self):
        super().__init__()
        self.launch([compiled("upstream")], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def counts(self):
        return json.loads(self.get("/count"))


class Proxy(Server):
    """claude-proxy as it is started by hand, with a log record for every request."""

    name = "claude-proxy"
    speaks = "messages"
    binary = ROOT / ".build" / "release" / "claude-proxy"

    def __init__(
            self, upstream_port, *, wrapper=(), binary=None, environment=None, **settings):
        super().__init__()
        self.settings = {
            "CLAUDE_PROXY_LISTEN": "127.0.0.1:0",
            "CLAUDE_PROXY_UPSTREAM_URL": f"http://127.0.0.1:{upstream_port}/api/v1",
            "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
            "CLAUDE_PROXY_LOG_FORMAT": "text",
            "OPENROUTER_API_KEY": "benchmark",
            **{f"CLAUDE_PROXY_{name}": str(value) for name, value in settings.items()},
        }
        self.launch(
            [*wrapper, binary or self.binary, "serve"], env={**self.settings, **(environment or {})})
        line = wait_until(
            "claude-proxy", lambda: re.search(r"listening on [\d.]+:(\d+)", self.log_text()),
            self.process, 120 if wrapper else START_SECONDS)
        self.port = int(line[1])

    @classmethod
    def start_milliseconds(cls, upstream_port):
        """From just before fork and exec to READY=1 at the service manager's socket."""
        directory = tempfile.mkdtemp(prefix="bench-")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(f"{directory}/notify")
        manager.settimeout(START_SECONDS)
        environment = {
            "NOTIFY_SOCKET": f"{directory}/notify", "CLAUDE_PROXY_LISTEN": "127.0.0.1:0",
            "CLAUDE_PROXY_UPSTREAM_URL": f"http://127.0.0.1:{upstream_port}/api/v1",
            "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter", "OPENROUTER_API_KEY": "benchmark",
        }
        began_at = time.perf_counter()
        process = subprocess.Popen(
            [cls.binary, "serve"], env=environment, cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while b"READY=1" not in manager.recv(4096):
            pass
        elapsed = (time.perf_counter() - began_at) * 1000
        process.terminate()
        process.wait(START_SECONDS)
        manager.close()
        shutil.rmtree(directory)
        return elapsed


NGINX = """
daemon off; worker_processes 1; user root; pid nginx.pid; error_log stderr error;
worker_rlimit_nofile 100000;
events {{ worker_connections 16384; }}
http {{
  access_log access.log;
  client_max_body_size 64m; client_body_buffer_size 1m; client_body_temp_path body;
  proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_requests 100000000; keepalive_timeout 75s;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port}{options};
    {tls}
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 300s;
    }}
  }}
}}
"""


class Nginx(Server):
    """nginx with one worker: what relaying bytes costs, and with TLS an upstream like a real one."""

    name = "nginx"

    def __init__(self, upstream_port, certificate=None):
        super().__init__()
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if program is None:
            raise RuntimeError("nginx is missing: make bench installs it")
        with listening_socket() as listener:
            self.port = listener.getsockname()[1]
            tls = "ssl_certificate {}; ssl_certificate_key {};".format(*certificate) \
                if certificate else ""
            (self.directory / "nginx.conf").write_text(NGINX.format(
                upstream=upstream_port, port=self.port, tls=tls,
                options=" ssl http2" if certificate else ""))
            # nginx takes listening sockets over that this variable names.
            self.launch(
                [program, "-p", self.directory, "-c", "nginx.conf"], pass_fds=[listener.fileno()],
                env={"PATH": os.environ["PATH"], "NGINX": f"{listener.fileno()};"})
            if certificate is None:
                wait_until("nginx", self.answers, self.process)

    def answers(self):
        try:
            return self.get("/count")
        except OSError:
            return None


class Baseline(Server):
    """The same job as it is commonly done: a small Flask application behind gunicorn."""

    name = "flask"
    speaks = "messages"
    python = ROOT / ".venv-bench" / "bin" / "python"

    def __init__(self, upstream_port):
        super().__init__()
        with listening_socket() as listener:
            self.port = listener.getsockname()[1]
            self.launch(
                [self.python, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}",
                 "--workers", "2", "--threads", "32", "--timeout", "600", "--keep-alive", "75",
                 "--chdir", HERE, "baseline:app"],
                pass_fds=[listener.fileno()],
                env={"PATH": os.environ["PATH"], "OPENROUTER_API_KEY": "benchmark",
                     "UPSTREAM_URL": f"http://127.0.0.1:{upstream_port}/api/v1"})
            wait_until("gunicorn", lambda: len(self.pids()) == 3, self.process)
            time.sleep(1)

    @classmethod
    def is_installed(cls):
        return cls.python.exists()
