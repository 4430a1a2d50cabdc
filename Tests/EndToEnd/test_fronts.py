"""Behind a reverse proxy: the README's own lines, run by the real servers."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from support import DEADLINE
from support.answers import STREAM_HEAD, ending, saying, text
from support.client import Client, message
from support.proxy import ROOT
from support.upstream import Wait

TOKENS = {"CLIENT_TOKENS": "first-token,second-token"}

# Round the README's lines: what every installation of the server has anyway.
NGINX = """
daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{port}; {snippet} }}
}}
"""
HAPROXY = """
global
    maxconn 200
defaults
    timeout connect 5s
    timeout client 600s
frontend front
    mode http
    bind 127.0.0.1:{port}
    default_backend claude_proxy
{snippet}
"""
FRONTS = {
    "nginx": ("nginx-light", NGINX, lambda root: ["nginx", "-p", root, "-c", f"{root}/front"]),
    "haproxy": ("haproxy", HAPROXY, lambda root: ["haproxy", "-db", "-f", f"{root}/front"]),
}


def snippet(language):
    """The README's lines of this kind."""
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(found) == 1, f"the README has {len(found)} {language} snippets"
    assert found[0].count("127.0.0.1:8000") == 1
    return found[0]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(params=FRONTS)
def front(request, tmp_path):
    """Starts the server before a proxy, by the README's lines; gives the address to call."""
    package, frame, command = FRONTS[request.param]
    if not shutil.which(request.param):
        pytest.skip(f"needs {request.param} (Debian: {package})")
    # nginx's unprivileged worker has to reach its directories.
    for directory in [tmp_path, *tmp_path.parents]:
        if os.access(directory, os.W_OK) and directory.stat().st_uid == os.getuid():
            directory.chmod(directory.stat().st_mode | 0o011)
        if directory.parent == directory.parent.parent:
            break
    started = []

    def run(proxy, lines=snippet(request.param)):
        root = tmp_path / f"front-{len(started)}"
        root.mkdir()
        port = free_port()
        lines = lines.replace("127.0.0.1:8000", proxy.addresses[0])
        (root / "front").write_text(frame.format(root=root, port=port, snippet=lines))
        process = subprocess.Popen(
            command(str(root)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        started.append(process)
        deadline = time.monotonic() + DEADLINE
        while True:
            assert process.poll() is None and time.monotonic() < deadline, "it did not start"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return "127.0.0.1", port
            except OSError:
                time.sleep(0.01)

    run.name = request.param
    yield run
    for process in started:
        process.terminate()
        process.wait(DEADLINE)


def post(address, fields=None, **more):
    with Client(address) as client:
        return client.post(message(), fields, **more)


HOSTS = ["llm.example.com", "203.0.113.5", "[2001:db8::1]", "localhost", "127.0.0.1:8000"]


def test_without_a_token_nothing_comes_through_the_front(upstream, start, front):
    local, guarded = front(start()), front(start(**TOKENS))
    for host in HOSTS:
        response = post(local, host=host)
        assert (response.status, response.error["type"]) == (403, "permission_error"), host
        assert "CLAUDE_PROXY_CLIENT_TOKENS" in response.error["message"]
        response = post(guarded, host=host)
        assert (response.status, response.error["type"]) == (401, "authentication_error"), host
    assert upstream.requests == []


@pytest.mark.parametrize("fields", [
    {"x-api-key": "first-token"}, {"authorization": "Bearer second-token"}])
def test_with_a_token_everything_does(upstream, start, front, fields):
    address = front(start(**TOKENS))
    for host in HOSTS:
        upstream.will(saying("Hi"))
        assert post(address, fields, host=host).status == 200, host


def test_streams_are_not_held_back(upstream, start, front):
    """Each piece is sent only when the client has the one before."""
    address = front(start(**TOKENS))
    words = ["one", "two", "three"]
    passed = [threading.Event() for _ in words]
    script = [STREAM_HEAD]
    for word, event in zip(words, passed):
        script += [*text(word), Wait(event)]
    upstream.will([*script, *ending()])
    with Client(address) as client:
        client.begin(message(stream=True), {"x-api-key": "first-token"})
        assert client.response_head().status == 200
        seen = []
        for event, _ in client.events():
            if event.get("delta", {}).get("type") == "text_delta":
                seen.append(event["delta"]["text"])
                passed[len(seen) - 1].set()
    assert seen == words


@pytest.mark.parametrize("host", ["203.0.113.5", "[2001:db8::1]:8000", "llm.example.com"])
def test_a_front_that_says_nothing_is_known_by_the_host(upstream, start, front, host):
    """Its default lines tell nobody that they forward."""
    plain = {
        "nginx": "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; }",
        "haproxy": "backend claude_proxy\n    mode http\n    timeout server 9s\n"
                   "    server local 127.0.0.1:8000\n",
    }[front.name]
    response = post(front(start(), plain), host=host)
    assert (response.status, response.error["type"]) == (403, "permission_error")
    assert upstream.requests == []
