"""The way to the upstream: connections that die, and proxies of the environment."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from support import answers
from support.client import message
from support.proxy import ROOT, binary, run
from support.upstream import CLOSE, RESET, ScriptedUpstream


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size", [10, 200_000])
def test_every_send_is_counted(upstream, start, end, stream, size):
    """libcurl would send again by itself when a kept connection dies under a request."""
    proxy = start(WORKERS="1")
    upstream.will(answers.saying("Hello"))
    assert proxy.post(message()).status == 200
    upstream.always([end])
    response = proxy.post(message(stream=stream, messages=[{"role": "user", "content": "x" * size}]))
    assert response.status == 502
    record = proxy.wait_for_records(2)[1]
    assert len(upstream.requests) - 1 == 2
    assert record["retries"] == 1


def test_a_kept_connection_that_dies_costs_one_retry(upstream, start):
    proxy = start(WORKERS="1")
    upstream.will(answers.saying("Hello"), [RESET], answers.saying("again"))
    assert proxy.post(message()).status == 200
    assert proxy.post(message()).json["content"][0]["text"] == "again"
    assert proxy.wait_for_records(2)[1]["retries"] == 1
    assert upstream.requests[2].connection == upstream.connection_count - 1


WRONG = [
    ("\"http://user:s3cr3t@127.0.0.1:3128\"", "quotation mark"),
    ("foo://user:s3cr3t@127.0.0.1:3128", "scheme"),
    ("http://user:s3cr3t@127.0.0.1:99999", "port"),
    ("http://user:s3c r3t@127.0.0.1:3128", "blank"),
    ("http://user:s3c#r3t@127.0.0.1:3128", "%23"),
    ("http://user:s3c/r3t@127.0.0.1:3128", "%2F"),
]


@pytest.mark.parametrize("value, words", WRONG)
@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_a_proxy_variable_is_never_quoted(start, tmp_path, name, value, words):
    settings = {name: value, "ALLOW_INSECURE_UPSTREAM": "true"}
    proxy = start(url="http://upstream.test/v1", **settings)
    response = proxy.post(message())
    assert response.status == 502
    for text in [response.error["message"], proxy.wait_for_log("holds no usable URL")["message"]]:
        assert name in text and words in text
    environment = {
        name: value, "CLAUDE_PROXY_UPSTREAM_URL": "http://upstream.test/v1",
        "CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM": "true", "OPENROUTER_API_KEY": "none-of-the-real",
    }
    result = run(["doctor"], tmp_path, environment)
    everything = "".join(proxy.lines) + str(response.json) + result.stdout + result.stderr
    assert name in result.stdout + result.stderr
    assert "s3c" not in everything and "r3t" not in everything and "user" not in everything


@pytest.mark.parametrize("listed", ["*.test", "upstream.test:80", ".test", "upstream.test"])
def test_no_proxy_takes_the_usual_forms(start, listed):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        proxy = start(
            url="http://upstream.test/v1", ALLOW_INSECURE_UPSTREAM="true", no_proxy=listed,
            http_proxy=f"http://127.0.0.1:{listener.getsockname()[1]}",
        )
        assert proxy.post(message()).status == 500
        with pytest.raises(TimeoutError):
            listener.accept()


NAMESPACE = ROOT / "Tests/EndToEnd/dead_path.py"


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"),
    reason="needs root, unshare and ip for a network of its own",
)
@pytest.mark.skipif(not shutil.which("nghttpx"), reason="needs nghttpx (Debian: nghttp2-proxy)")
@pytest.mark.parametrize("way", ["direct", "tunnel"])
@pytest.mark.parametrize("protocol", ["h2", "h1"])
def test_a_dead_path_costs_seconds(protocol, way, tmp_path):
    """The machine gets another address while connections are kept and requests run."""
    result = subprocess.run(
        ["unshare", "-n", "-m", sys.executable, str(NAMESPACE), binary(), protocol, way,
         str(tmp_path)],
        capture_output=True, text=True, timeout=100,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"),
    reason="needs root and unshare for a table of hosts of its own",
)
def test_a_name_is_resolved_again_as_soon_as_its_old_address_refuses(
        upstream, start, tmp_path, monkeypatch):
    """libcurl keeps an address for a minute, whatever becomes of it."""
    hosts, wrapper = tmp_path / "hosts", tmp_path / "start"
    hosts.write_text("127.0.0.1 upstream.test\n")
    wrapper.write_text(
        f"#!/bin/sh\nexec unshare -m sh -c 'mount --bind {hosts} /etc/hosts && exec \"$@\"' x"
        f" {binary()} \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("CLAUDE_PROXY_BINARY", str(wrapper))
    upstream.always([*answers.saying("Hello"), CLOSE])
    proxy = start(
        url=f"http://upstream.test:{upstream.port}/v1", ALLOW_INSECURE_UPSTREAM="true", WORKERS="1")
    assert proxy.post(message()).status == 200
    hosts.write_text("127.0.0.9 upstream.test\n")
    other = ScriptedUpstream("127.0.0.9", upstream.port)
    other.always(answers.saying("moved"))
    upstream.close()
    assert proxy.post(message()).json["content"][0]["text"] == "moved"
    other.close()
