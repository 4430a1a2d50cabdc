"""Who gets in, what goes out, and what the process keeps to itself."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import House
from http_cases import GOOD, body, head
from raw import observe
from support import DEADLINE
from support.answers import failing, saying
from support.client import JSON_FIELDS, message, request_bytes
from support.proxy import KEY

TOKENS = {"CLIENT_TOKENS": "first-token,second-token"}

# Which houses there are, and who asks them for a message: name, settings, fields, Host, the
# outcome. A list is the same field several times.
LOCAL, TOKEN, OPEN = {}, TOKENS, {"ACCESS": "open"}
NAMED = {"ALLOWED_HOSTS": "proxy.example"}
CASES = [
    ("nothing", LOCAL, {}, "127.0.0.1", 200),
    ("a key that nobody checks", LOCAL, {"x-api-key": "x", "authorization": "Bearer y"},
     "localhost", 200),
    ("a foreign name", LOCAL, {}, "evil.example", 403),
    ("a name that begins well", LOCAL, {}, "localhost.evil.example", 403),
    ("a name that ends well", LOCAL, {}, "evil-localhost", 403),
    ("a name like an address", LOCAL, {}, "127.0.0.1.evil.example", 403),
    ("a short form of an address", LOCAL, {}, "127.1", 403),
    ("an address in one number", LOCAL, {}, "2130706433", 403),
    ("an address with a 5th part", LOCAL, {}, "1.127.0.0.1", 403),
    ("a part over 255", LOCAL, {}, "127.0.0.256", 403),
    *[(f"an address of the network: {host}", settings, {}, host, status)
      for settings, status in [(LOCAL, 403), (OPEN, 200)]
      for host in ["192.168.1.5:8000", "[fe80::1]:8000", "203.0.113.5", "[2001:db8::1]", "0.0.0.0"]],
    ("another loopback address", LOCAL, {}, "127.9.9.9:1", 200),
    ("the IPv6 loopback address", LOCAL, {}, "[::1]:8000", 200),
    ("localhost with a dot", LOCAL, {}, "localhost.:80", 200),
    ("a name below localhost", LOCAL, {}, "claude.localhost", 200),
    ("an allowed name", NAMED, {}, "PROXY.example:80", 200),
    ("a child of an allowed name", NAMED, {}, "a.proxy.example", 403),
    ("a foreign name, access open", OPEN, {}, "evil.example", 403),
    *[(f"{name}: {value}", settings, {name: value, "x-api-key": "first-token"}, "127.0.0.1", 403)
      for settings in (LOCAL, TOKEN, OPEN)
      for name, value in [("origin", "https://evil.example"), ("origin", "null"), ("origin", ""),
                          ("origin", "http://127.0.0.1:8000"), ("sec-fetch-site", "cross-site"),
                          ("Sec-Fetch-Site", "Cross-Site"), ("sec-fetch-site", "same-site"),
                          ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "x"),
                          ("sec-fetch-site", ["same-origin", "cross-site"])]],
    ("Sec-Fetch-Site: none, as from the address bar", LOCAL, {"sec-fetch-site": "none"},
     "127.0.0.1", 200),
    *[(name, LOCAL, {name: "203.0.113.9"}, "127.0.0.1", 403)
      for name in ["x-forwarded-for", "forwarded", "via", "x-real-ip", "X-Forwarded-For",
                   "x-forwarded-host", "X-FORWARDED-PROTO", "cf-connecting-ip", "CF-Ray",
                   "True-Client-IP", "x-client-ip", "x-cluster-client-ip", "fastly-client-ip",
                   "fly-client-ip", "x-envoy-external-address", "x-original-forwarded-for",
                   "cdn-loop", "x-amzn-trace-id", "x-azure-clientip"]],
    *[(f"forwarded, with tokens: {name}", TOKEN, {name: "203.0.113.9", "x-api-key": "first-token"},
       "127.0.0.1", 200)
      for name in ["x-forwarded-for", "via"]],
    *[(f"{fields}", TOKEN, fields, "127.0.0.1", status) for fields, status in [
        ({"x-api-key": "first-token"}, 200), ({"x-api-key": "second-token"}, 200),
        ({"authorization": "Bearer first-token"}, 200),
        ({"authorization": "bEARER   second-token"}, 200),
        ({"authorization": "Bearer first-token", "x-api-key": "wrong"}, 200),
        ({}, 401), ({"x-api-key": ""}, 401), ({"x-api-key": "first-toke"}, 401),
        ({"x-api-key": "first-tokenx"}, 401),
        ({"x-api-key": "First-Token"}, 401), ({"x-api-key": "first-token,second-token"}, 401),
        ({"x-api-key": "first-token second-token"}, 401), ({"x-api-key": "\xe9" * 40}, 401),
        ({"x-api-key": "' OR 1=1 --"}, 401), ({"x-api-key": "%66irst-token"}, 401),
        ({"x-api-key": "a" * 30_000}, 401),
        ({"x-api-key": KEY}, 401), ({"authorization": "first-token"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer "}, 401), ({"authorization": "Bearerfirst-token"}, 401),
        ({"authorization": "Bearer\tfirst-token"}, 401),
        ({"authorization": "Basic Zmlyc3QtdG9rZW4="}, 401),
        ({"authorization": "Bearer first-token, Bearer x"}, 401),
        ({"proxy-authorization": "Bearer first-token"}, 401),
        ({"cookie": "x-api-key=first-token"}, 401),
        ({"x-api-key": ["first-token", "first-token"]}, 401),
        ({"x-api-key": ["wrong", "first-token"]}, 401),
        ({"authorization": ["Bearer first-token", "Bearer first-token"]}, 401),
        ({"x-api-key": ["a", "b"], "authorization": "Bearer first-token"}, 401)]],
]


@pytest.fixture(scope="module")
def houses(open_house):
    made = {}

    def house(settings):
        key = json.dumps(settings)
        if key not in made:
            made[key] = open_house(**settings)
        return made[key]

    return house


@pytest.mark.parametrize(("name", "settings", "fields", "host", "status"), CASES,
                         ids=[f"{settings} {name}"[:80] for name, settings, *_ in CASES])
def test_the_table(houses, name, settings, fields, host, status):
    house = houses(settings)
    seen = len(house.upstream.requests)
    with house.proxy.connect() as client:
        lines = {**JSON_FIELDS, **fields}
        data = request_bytes("POST", "/v1/messages", message(), None, host=host).split(b"\r\n", 2)
        more = b"".join(f"{key}: {one}\r\n".encode("latin-1") for key, value in lines.items()
                        for one in (value if isinstance(value, list) else [value]))
        client.send(data[0] + b"\r\n" + data[1] + b"\r\n" + more + data[2])
        response = client.response()
    assert response.status == status, response.body
    if status != 200:
        expected = "permission_error" if status == 403 else "authentication_error"
        assert response.error["type"] == expected
        assert "first-token" not in response.body.decode()
    assert len(house.upstream.requests) - seen == (status == 200)
    assert not [key for key, _ in response.fields if key.lower().startswith("access-control-")]
    assert "first-token" not in "".join(house.proxy.lines)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/x", "/v1/messages/count_tokens",
    "/v1/messages"])
def test_every_endpoint_wants_the_token(houses, path):
    method = "POST" if "messages" in path else "GET"
    assert houses(TOKENS).proxy.ask(method, path, message() if method == "POST" else None,
        JSON_FIELDS).status == 401


def test_a_preflight_gets_no_leave(house):
    response = house.proxy.ask("OPTIONS", "/v1/messages", fields={
        "origin": "https://evil.example", "access-control-request-method": "POST"})
    assert response.status in (403, 405)
    assert not [key for key, _ in response.fields if key.lower().startswith("access-control-")]


# From another machine -----------------------------------------------------------------------------

ELSEWHERE = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
s.sendall(sys.stdin.buffer.read())
s.settimeout(10)
data = b""
while b"\\r\\n\\r\\n" not in data: data += s.recv(4096)
print(data.split(b" ")[1].decode())
"""


@pytest.fixture
def other_machine():
    """A network namespace with a cable to this one: runs a request there, gives the status."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and ip(8) (Debian: iproute2)")
    name, cable = f"cp{os.getpid()}", f"cpv{os.getpid() % 10000}"

    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=DEADLINE)

    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot make a network namespace: {error.stderr}")
    try:
        ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", "198.18.77.1/30", "dev", cable)
        ip("link", "set", cable, "up")
        ip("-n", name, "addr", "add", "198.18.77.2/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")

        def ask(port, data):
            done = subprocess.run(
                ["ip", "netns", "exec", name, sys.executable, "-c", ELSEWHERE, "198.18.77.1",
                 str(port)],
                input=data, capture_output=True, timeout=30)
            assert done.returncode == 0, done.stderr.decode()
            return done.stdout.decode().strip()

        yield ask
    finally:
        ip("netns", "del", name)


def test_another_machine_needs_a_token(tmp_path, other_machine):
    answers = {}
    for name, settings in [("local", {}), ("token", TOKENS), ("open", OPEN)]:
        house = House(tmp_path / name, LISTEN="198.18.77.1:0", **settings)
        try:
            port = house.proxy.address[1]
            answers[name] = [
                other_machine(port, GOOD.replace(b"Host: 127.0.0.1", b"Host: 198.18.77.1" + more))
                for more in [b"", b"\r\nx-api-key: first-token", b"\r\nX-Forwarded-For: 127.0.0.1"]]
            answers[name].append(other_machine(port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"))
            if name == "local":
                assert house.upstream.requests == []
        finally:
            house.close()
    assert answers == {
        "local": ["403", "403", "403", "200"],
        "token": ["401", "200", "401", "200"],
        "open": ["200", "200", "200", "200"],
    }


# What goes out ------------------------------------------------------------------------------------

# Fields of a request that would steer a careless proxy.
STEERING = {
    "x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-host": "evil.example",
    "x-original-url": "/v1/models", "x-rewrite-url": "/x", "x-http-method-override": "GET",
    "x-upstream-url": "http://127.0.0.1:1", "x-api-base": "http://127.0.0.1:1", "api-key": "client",
    "openai-organization": "client", "http-referer": "https://client.example", "x-title": "client",
    "cookie": "session=client", "proxy-connection": "keep-alive", "te": "trailers",
    "user-agent": "client/1",
    "anthropic-beta": "client-beta", "anthropic-version": "2023-06-01", "x-stainless-os": "client",
    "accept-encoding": "gzip", "accept": "text/html", "x-api-key": "client-key",
    "authorization": "Bearer client-key", "traceparent": "client", "x-request-id": "client",
}
# Fields of a body that would.
PLACES = {
    "base_url": "http://127.0.0.1:1", "api_base": "http://127.0.0.1:1", "api_key": "client-key",
    "url": "http://127.0.0.1:1", "endpoint": "x", "custom_llm_provider": "x", "headers": {"x": "y"},
    "extra_headers": {"x": "y"}, "proxy": "http://127.0.0.1:1", "route": "fallback",
    "provider": {"order": ["x"]},
    "transforms": ["x"], "user": "client", "plugins": [{"id": "x"}],
}


def test_the_upstreams_fields_are_built_and_never_copied(houses):
    # Without access for everybody the fields of other proxies are refused.
    house = houses(OPEN)
    response = house.proxy.post(message(), STEERING)
    assert response.status == 200, response.body
    request = house.upstream.requests[-1]
    assert request.names() == [
        "accept", "authorization", "content-length", "content-type", "host", "user-agent"]
    assert request.header("authorization") == f"Bearer {KEY}"
    assert (request.method, request.path) == ("POST", "/api/v1/chat/completions")
    assert request.header("host") == house.upstream.url.split("/")[2]
    assert b"client" not in str(request.fields).encode().replace(b"claude-proxy", b"")


@pytest.mark.parametrize("field", PLACES)
def test_no_field_of_a_body_steers(house, field):
    response = house.proxy.post(message(**{field: PLACES[field]}))
    assert response.status == 200
    request = house.upstream.requests[-1]
    assert field not in request.json and request.path == "/api/v1/chat/completions"
    assert field in (response.header("x-claude-proxy-dropped") or "")


@pytest.mark.parametrize("model", [
    "http://169.254.169.254/latest", "//evil.example/x", "../../../key", "a/../../key", "a?b=c",
    "a#b", "a b",
    "x" * 5000, "é/ü", "\r\nX: y", "openrouter/auto\0"])
def test_no_model_chooses_a_place(house, model):
    response = house.proxy.post(message(model=model))
    assert response.status in (200, 400)
    request = house.upstream.requests[-1]
    assert request.path == "/api/v1/chat/completions"
    assert request.header("host") == house.upstream.url.split("/")[2]


# What the process keeps to itself -----------------------------------------------------------------


def outputs(house):
    """Everything that a client or an operator can get out of a daemon."""
    for method, path in [("GET", "/health"), ("GET", "/v1/models"), ("GET", "/x"), ("HEAD", "/"),
                         ("PUT", "/health")]:
        response = house.proxy.ask(method, path)
        yield response.head + response.body
    for settings in [{}, {"stream": True}]:
        for status in [400, 401, 403, 404, 429, 500]:
            house.upstream.always(failing(status, f"bad key {KEY}", x_request_id=KEY,
                set_cookie=KEY))
            response = house.proxy.post(message(**settings))
            yield response.head + response.body
    yield "".join(house.proxy.lines).encode()


def test_the_key_is_in_no_output(tmp_path):
    house = House(tmp_path / "house", LOG_LEVEL="debug")
    try:
        for output in outputs(house):
            assert KEY.encode() not in output
            assert KEY[:12].encode() not in output and KEY[-12:].encode() not in output
        process = Path(f"/proc/{house.proxy.process.pid}")
        assert KEY.encode() not in (process / "cmdline").read_bytes()
    finally:
        house.close()


def test_no_core_is_left_and_no_other_process_may_look(tmp_path):
    house = House(tmp_path / "house")
    process = house.proxy.process
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    # A process that is not dumpable belongs to root in /proc, whoever runs it; as root that shows
    # nothing, so one is run as somebody else as well.
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert int(re.search(r"VmRSS:\s+(\d+)", status)[1]) > 0
    process.send_signal(signal.SIGSEGV)
    process.wait(DEADLINE)
    assert [path for path in (tmp_path / "house").rglob("*") if "core" in path.name] == []
    house.upstream.close()


def test_as_somebody_else_its_memory_is_roots(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    from support.proxy import binary
    directory = Path("/tmp") / f"claude-proxy-dump-{os.getpid()}"
    directory.mkdir(mode=0o755)
    copy = directory / "claude-proxy"
    shutil.copy(binary(), copy)
    copy.chmod(0o755)
    process = subprocess.Popen(
        [str(copy), "serve"], cwd=directory, user=65534, group=65534, stderr=subprocess.PIPE,
        text=True,
        env={"CLAUDE_PROXY_LISTEN": "127.0.0.1:0", "OPENROUTER_API_KEY": KEY,
             "CLAUDE_PROXY_LOG_FORMAT": "text"})
    try:
        for line in process.stderr:
            if "listening on" in line:
                break
        assert os.stat(f"/proc/{process.pid}/mem").st_uid == 0
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
    finally:
        process.terminate()
        process.wait(DEADLINE)
        shutil.rmtree(directory)
