"""What the process makes of its surroundings: addresses, descriptors, signals, files that others read."""

import os
import re
import signal
import subprocess

import pytest

from support import DEADLINE
from support.answers import saying
from support.client import Client, message
from support.demo import Demo
from support.proxy import KEY, binary, run, under_sanitizers


def check(directory, **settings):
    environment = {f"CLAUDE_PROXY_{name}": value for name, value in settings.items()}
    return run(["check-config"], directory, {"OPENROUTER_API_KEY": KEY, **environment})


@pytest.mark.parametrize("place", [
    "vm1:8000", "ip6-localhost:8000", "localhost.localdomain:8000", "8000", "[::1]", "::1:8000",
    "127.0.0.1:70000", "unix:relative", "127.1:8000", "*:", "0.0.0.0:8000,127.0.0.1:8000",
])
def test_an_address_that_is_refused_is_refused_everywhere(tmp_path, place):
    for command in ["check-config", "serve"]:
        result = run([command], tmp_path, {"CLAUDE_PROXY_LISTEN": place, "OPENROUTER_API_KEY": KEY})
        assert result.returncode == 78 and "CLAUDE_PROXY_LISTEN" in result.stderr


@pytest.mark.parametrize("place", ["*:0", ":0", "localhost:0", "0.0.0.0:0", "127.0.0.1:0"])
def test_an_address_that_is_taken_is_listened_on(upstream, start, tmp_path, place):
    assert check(tmp_path, LISTEN=place).returncode == 0
    proxy = start(LISTEN=place)
    port = proxy.address[1]
    upstream.will(saying("Hi"))
    with Client(("127.0.0.1", port)) as client:
        assert client.post(message()).status == 200


def test_a_place_that_cannot_be_listened_at_is_the_configurations_fault(tmp_path):
    (tmp_path / "file").write_text("")
    for place in [f"unix:{tmp_path}/file", f"unix:{tmp_path}/none/socket"]:
        result = run(["serve"], tmp_path, {"CLAUDE_PROXY_LISTEN": place, "OPENROUTER_API_KEY": KEY})
        assert result.returncode == 78, result.stderr


@pytest.mark.parametrize("number", [
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE, signal.SIGTTOU, signal.SIGTTIN,
    signal.SIGVTALRM, signal.SIGPROF, signal.SIGXFSZ, signal.SIGIO, signal.SIGRTMIN + 3,
])
def test_signals_that_nobody_means_are_ignored(upstream, proxy, number):
    proxy.signal(number)
    upstream.will(saying("Hi"))
    assert proxy.post(message()).status == 200


def test_standard_descriptors_are_never_sockets(tmp_path, upstream):
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'exec "{binary()}" serve <&- >&- 2>&-'], cwd=tmp_path, env={
            "CLAUDE_PROXY_LISTEN": f"unix:{tmp_path}/socket", "OPENROUTER_API_KEY": KEY,
            "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "CLAUDE_PROXY_MODELS_REFRESH": "0s",
            **under_sanitizers()})
    try:
        upstream.will(saying("Hi"))
        for _ in range(int(DEADLINE * 1000)):
            try:
                client = Client(f"{tmp_path}/socket")
                break
            except OSError:
                assert process.poll() is None
        with client:
            assert client.post(message()).status == 200
        for number in range(3):
            assert os.readlink(f"/proc/{process.pid}/fd/{number}") == "/dev/null"
    finally:
        process.terminate()
        assert process.wait(DEADLINE) == 0


def test_a_descriptor_that_is_no_socket_is_told(tmp_path, upstream):
    script = (
        "import os,sys; os.dup2(os.open('/dev/null', os.O_RDWR), 3, inheritable=True);"
        "os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[1], sys.argv[1:])")
    process = subprocess.Popen(
        ["python3", "-c", script, binary(), "serve"], cwd=tmp_path, stderr=subprocess.PIPE,
        text=True, close_fds=False, env={
            "PATH": os.environ["PATH"], "LISTEN_FDS": "1", "OPENROUTER_API_KEY": KEY,
            "CLAUDE_PROXY_LISTEN": "127.0.0.1:0", "CLAUDE_PROXY_UPSTREAM_URL": upstream.url,
            **under_sanitizers()})
    try:
        text = ""
        for line in process.stderr:
            text += line
            if "listening on" in line:
                break
        assert "LISTEN_FDS" in text and "descriptor 3" in text
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("key", ['"sk-or-x"', "'sk-or-x'", '"sk-or-x', "sk-or-x'"])
def test_a_key_with_quotation_marks_is_refused_with_the_reason(tmp_path, key):
    result = run(["check-config"], tmp_path, {"OPENROUTER_API_KEY": key})
    assert result.returncode == 78 and "quotation mark" in result.stderr
    assert "sk-or-x" not in result.stderr
    tokens = {"OPENROUTER_API_KEY": KEY, "CLAUDE_PROXY_CLIENT_TOKENS": f"{key},other"}
    result = run(["check-config"], tmp_path, tokens)
    assert result.returncode == 78 and "quotation mark" in result.stderr


@pytest.mark.parametrize("key", [
    "sk-or-...", "<YOUR_KEY>", "sk-or-v1-xxxxxxxx", "your_api_key_here", "${OPENROUTER_API_KEY}"])
def test_a_placeholder_is_told(tmp_path, key):
    result = run(["check-config"], tmp_path, {"OPENROUTER_API_KEY": key})
    assert result.returncode == 0 and "OPENROUTER_API_KEY: it is what stands" in result.stderr


@pytest.mark.parametrize("mode,is_told", [(0o600, False), (0o644, True), (0o604, True)])
def test_a_secret_in_a_file_that_others_can_read_is_told(tmp_path, mode, is_told):
    file = tmp_path / "config.env"
    file.write_text(f"OPENROUTER_API_KEY={KEY}\n")
    file.chmod(mode)
    result = run(["check-config", "--config", str(file)], tmp_path)
    assert result.returncode == 0 and ("can read it" in result.stderr) == is_told
    file.write_text("OPENROUTER_MODEL=a/b\n")
    assert "can read it" not in run(["check-config", "--config", str(file)], tmp_path).stderr


def test_slips_in_shared_names_are_told(tmp_path):
    result = run(["check-config"], tmp_path, {"OPENROUTER_API_KEYS": KEY, "OPENROUTER_BASE": "x"})
    assert "did you mean OPENROUTER_API_KEY?" in result.stderr
    assert "OPENROUTER_BASE" not in result.stderr
    (tmp_path / ".env").write_text("openrouter_model=a/b\n")
    assert "did you mean OPENROUTER_MODEL?" in run(["check-config"], tmp_path).stderr


# Reloads


@pytest.mark.release  # the sanitizers' runs set the number of workers in the environment
def test_a_restart_is_needed_for_what_differs_from_what_runs(upstream, start, tmp_path):
    file = tmp_path / "config.env"
    file.write_text("CLAUDE_PROXY_WORKERS=1\n")
    proxy = start(["--config", str(file)])
    for workers, is_needed in [(2, True), (2, True), (1, False), (2, True)]:
        count = len(proxy.lines)
        file.write_text(f"CLAUDE_PROXY_WORKERS={workers}\n")
        proxy.signal(signal.SIGHUP)
        line = proxy.wait_for_log("was reloaded", count)
        assert ("CLAUDE_PROXY_WORKERS" in line["message"]) == is_needed


@pytest.mark.parametrize("how", ["empty", "blank", "gone"])
def test_a_file_that_has_lost_all_is_not_applied(upstream, start, tmp_path, how):
    directory = tmp_path / "directory"
    directory.mkdir()
    file = directory / ".env"
    file.write_text(f"OPENROUTER_MODEL=from/file\nOPENROUTER_API_KEY={KEY}\n")
    proxy = start(["--config", str(file)])
    upstream.always(saying("Hi"))
    proxy.post(message())
    count = len(proxy.lines)
    {"empty": lambda: file.write_text(""), "blank": lambda: file.write_text(" \n"),
     "gone": file.unlink}[how]()
    proxy.signal(signal.SIGHUP)
    assert "not reloaded" in proxy.wait_for_log("reloaded", count)["message"]
    proxy.post(message())
    assert [request.json["model"] for request in upstream.requests] == ["from/file"] * 2
    # A comment is somebody's decision.
    file.write_text("# nothing\n")
    count = len(proxy.lines)
    proxy.signal(signal.SIGHUP)
    assert "was reloaded" in proxy.wait_for_log("reloaded", count)["message"]


def test_a_file_that_has_lost_less_is_applied_with_a_warning(upstream, start, tmp_path):
    file = tmp_path / "config.env"
    file.write_text("OPENROUTER_MODEL=from/file\n")
    proxy = start(["--config", str(file)])
    file.write_text("")
    proxy.signal(signal.SIGHUP)
    assert proxy.wait_for_log("back at its default")["level"] == "warning"
    proxy.wait_for_log("was reloaded")


@pytest.mark.release  # with two workers, as under sanitizers, the second applies it a moment later
def test_level_and_form_of_the_log_are_applied(upstream, tmp_path):
    file = tmp_path / "config.env"
    environment = {
        "CLAUDE_PROXY_LISTEN": f"unix:{tmp_path}/socket", "OPENROUTER_API_KEY": KEY,
        "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "CLAUDE_PROXY_MODELS_REFRESH": "0s",
            **under_sanitizers()}
    file.write_text("CLAUDE_PROXY_LOG_LEVEL=debug\nCLAUDE_PROXY_LOG_FORMAT=json\n")
    process = subprocess.Popen(
        [binary(), "serve", "--config", str(file)], cwd=tmp_path, stderr=subprocess.PIPE,
        text=True, env=environment)

    def line_with(words):
        for line in process.stderr:
            if words in line:
                return line
        raise AssertionError(words)

    def ask(path):
        with Client(f"{tmp_path}/socket") as client:
            client.ask("GET", path)

    def configure(text):
        file.write_text(text)
        process.send_signal(signal.SIGHUP)

    try:
        line_with("listening on")
        ask("/health")
        assert line_with("/health").startswith("{")
        configure("CLAUDE_PROXY_LOG_LEVEL=info\nCLAUDE_PROXY_LOG_FORMAT=text\n")
        line_with("was reloaded")
        ask("/health")
        ask("/nothing")
        line = line_with("GET /")
        assert re.match(r"\d{4}-\S+ notice  GET /nothing 404", line), line
        configure("CLAUDE_PROXY_LOG_LEVEL=error\n")
        line_with("was reloaded")
        ask("/elsewhere")
        configure("CLAUDE_PROXY_LOG_LEVEL=debug\n")
        assert "/elsewhere" not in line_with("e")
        ask("/health")
        line_with("debug   GET /health 200")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


# The demonstration

def test_the_demonstration_asks_nobody_else_whatever_it_is_told(upstream, tmp_path):
    settings = (
        f"CLAUDE_PROXY_UPSTREAM_URL={upstream.url}\nOPENROUTER_API_KEY={KEY}\n"
        "OPENROUTER_MODEL=a/b\nCLAUDE_PROXY_LOG_LEVEL=debug\nTHIS IS NO SETTING\n")
    (tmp_path / ".env").write_text(settings)
    variables = {
        "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "OPENROUTER_API_KEY": KEY,
        "http_proxy": upstream.url.removesuffix("/api/v1"), "all_proxy": upstream.url,
        "CLAUDE_PROXY_LISTEN": f"unix:{tmp_path}/socket"}
    with Demo(tmp_path, **variables) as demo:
        assert demo.addresses == f"unix:{tmp_path}/socket"
        for _ in range(2):
            with Client(demo.addresses[5:]) as client:
                assert client.post(message()).status == 200
            demo.process.send_signal(signal.SIGHUP)
            demo.line("was reloaded")
    assert upstream.requests == []


def test_the_demonstrations_own_option_wins(tmp_path):
    (tmp_path / ".env").write_text(f"CLAUDE_PROXY_LISTEN=unix:{tmp_path}/file\n")
    with Demo(tmp_path) as demo:
        assert demo.addresses == f"unix:{tmp_path}/file"
    with Demo(tmp_path, "--listen", f"unix:{tmp_path}/option") as demo:
        assert demo.addresses == f"unix:{tmp_path}/option"
