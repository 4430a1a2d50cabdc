"""Upstreams that cannot be reached, or not safely: refused, unknown, TLS of every wrong kind."""

import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from conftest import House
from support import DEADLINE
from support.answers import STREAM_HEAD, failing, saying, text
from support.client import message, text_of
from support.proxy import KEY

SECONDS_MAX = 8


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True,
                   timeout=DEADLINE)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA, and certificates of its making and of others': each a file with its key."""
    path = tmp_path_factory.mktemp("tls")
    for ca in ["ca", "stranger"]:
        openssl(path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{ca}.key",
                "-out", f"{ca}.pem",
                "-days", "30", "-subj", f"/CN={ca} of the tests")
    for name, host, days, ca in [
        ("good", "localhost", "30", "ca"), ("expired", "localhost", "0", "ca"),
        ("other", "other.test", "30", "ca"),
        ("strange", "localhost", "30", "stranger"), ("wild", "*", "30", "ca"),
    ]:
        openssl(path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr",
                "-subj", f"/CN={host}")
        (path / "extensions").write_text(f"subjectAltName=DNS:{host}")
        openssl(path, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey",
                f"{ca}.key",
                "-CAcreateserial", "-days", days, "-extfile", "extensions", "-out", f"{name}.pem")
    openssl(path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out",
            "self.pem",
            "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    # A certificate that is valid for no day is still good in the second in which it was made.
    time.sleep(1.1)
    return path


class TLSUpstream:
    """Accepts, and lets `serve` do with each connection what it wants."""

    def __init__(self, serve):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}/v1"
        self.requests = []
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            with connection:
                connection.settimeout(DEADLINE)
                self._serve(self, connection)
        except OSError:
            pass

    def close(self):
        self._listener.close()


def wrap(certificates, name, connection, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    for key, value in options.items():
        setattr(context, key, value)
    return context.wrap_socket(connection, server_side=True)


def read_request(upstream, tls):
    data = b""
    while b"\r\n\r\n" not in data:
        data += tls.recv(65536)
    upstream.requests.append(data)


def answering(certificates, name, *parts, **options):
    def serve(upstream, connection):
        tls = wrap(certificates, name, connection, **options)
        read_request(upstream, tls)
        for part in parts:
            tls.sendall(part)
        # Without a closing alert, as after a cut.
        tls.detach() if not parts else connection.close()
    return serve


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def raw(data, resets=False):
    def serve(_, connection):
        connection.recv(65536)
        connection.sendall(data)
        if resets:
            reset(connection)
    return serve


def silent(_, connection):
    while connection.recv(65536):
        pass


OPEN_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
HELLO = bytes.fromhex("160303003d0200003903030000")
# Name, what the server does (given the certificates), the words that the error must have, and
# whether a request may have been read: if the peer is not proven, never.
TLS = [
    ("an expired certificate", lambda c: answering(c, "expired", *saying("Hi")), "certificate",
     False),
    ("another host's certificate", lambda c: answering(c, "other", *saying("Hi")), "certificate",
     False),
    ("a self-signed certificate", lambda c: answering(c, "self", *saying("Hi")), "certificate",
     False),
    ("an unknown CA", lambda c: answering(c, "strange", *saying("Hi")), "certificate", False),
    ("a certificate for everything", lambda c: answering(c, "wild", *saying("Hi")), "certificate",
     False),
    ("TLS 1.1 at most", lambda c: answering(c, "good", *saying("Hi"),
        maximum_version=ssl.TLSVersion.TLSv1_1),
     "TLS|upstream", False),
    ("plain HTTP", lambda c: raw(b"HTTP/1.1 200 OK\r\n\r\n"), "TLS", False),
    ("garbage", lambda c: raw(bytes(range(256)) * 8), "TLS", False),
    ("an alert", lambda c: raw(b"\x15\x03\x03\x00\x02\x02\x28"), "TLS", False),
    ("a cut hello", lambda c: raw(HELLO), "TLS|upstream", False),
    ("a reset instead of a hello", lambda c: raw(b"", resets=True), "TLS|upstream", False),
    ("a reset within the hello", lambda c: raw(HELLO, resets=True), "TLS|upstream", False),
    ("the end instead of a hello", lambda c: raw(b""), "TLS|upstream", False),
    ("silence instead of a hello", lambda c: silent, "in time", False),
    ("a cut without an answer", lambda c: answering(c, "good"), "upstream", True),
    ("a cut within the answer", lambda c: answering(c, "good", STREAM_HEAD, *text("Hi")),
     "upstream", True),
    ("a cut in an answer that ends with the connection",
     lambda c: answering(c, "good", OPEN_HEAD, b"data: {}\n\n"), "upstream", True),
]


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(("name", "make", "words", "may_ask"), TLS, ids=[row[0] for row in TLS])
def test_tls(open_house, certificates, name, make, words, may_ask, streams):
    server = TLSUpstream(make(certificates))
    house = open_house(UPSTREAM_URL=server.url, UPSTREAM_CA_FILE=str(certificates / "ca.pem"),
                       CONNECT_TIMEOUT="400ms")
    try:
        began = time.monotonic()
        response = house.proxy.post(message(stream=streams))
        assert time.monotonic() - began < SECONDS_MAX
        if response.status == 200:
            assert streams and "cut within" in name
            error = response.events[-1]["error"]
        else:
            assert response.status in (500, 502, 504), response.body
            error = response.error
        assert any(word in error["message"] for word in words.split("|")), error
        assert error["type"] in ("api_error", "timeout_error")
        if not may_ask:
            assert server.requests == [], "the key went to somebody unproven"
        assert KEY not in response.body.decode()
    finally:
        server.close()


def test_the_same_with_everything_right(open_house, certificates):
    """Else the rows above would fail for another reason."""
    server = TLSUpstream(answering(certificates, "good", *saying("Hi")))
    house = open_house(UPSTREAM_URL=server.url, UPSTREAM_CA_FILE=str(certificates / "ca.pem"))
    assert text_of(house.proxy.post(message(stream=True)).events) == "Hi"
    assert KEY.encode() in server.requests[0]
    server.close()


def refusing():
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(("name", "url", "words"), [
    ("refused", "http://127.0.0.1:{port}/v1", "cannot be reached"),
    ("refused over TLS", "https://localhost:{port}/v1", "cannot be reached"),
    ("unknown host", "https://no-such-host.invalid/v1", "cannot be resolved"),
])
def test_nobody_there(open_house, name, url, words, streams):
    house = open_house(UPSTREAM_URL=url.format(port=refusing()))
    began = time.monotonic()
    response = house.proxy.post(message(stream=streams))
    assert (response.status, response.error["type"]) in ((500, "api_error"), (504, "timeout_error"))
    assert words in response.error["message"] or response.status == 504
    assert time.monotonic() - began < SECONDS_MAX


# A proxy server on the way: what it says to CONNECT, or None for nobody there.
PROXIES = {
    "wants a password": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "forbids it": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "finds no upstream": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    "hangs up": b"",
    "is not there": None,
    "has no address": None,
}


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_server_that_does_not_let_through(open_house, name):
    answer = PROXIES[name]
    server = TLSUpstream(raw(answer)) if answer is not None else None
    address = f"127.0.0.1:{refusing()}" if server is None else server.url.split("/")[2]
    if name == "has no address":
        address = "no-such-host.invalid:3128"
    house = open_house(UPSTREAM_URL="https://upstream.invalid/v1", https_proxy=f"http://{address}")
    response = house.proxy.post(message())
    assert response.status in (500, 502)
    text = response.error["message"]
    if answer or name == "has no address":
        assert "proxy server on the way" in text and "https_proxy" in text, text
    else:
        assert "upstream.invalid" in text, text
    if answer:
        assert answer.split()[1].decode() in text
    assert KEY not in text
    if server:
        server.close()


def tunnel(to):
    """A proxy server that lets everybody through to one place, and keeps what it was asked."""
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(upstream, connection):
        read_request(upstream, connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\nRetry-After: 5\r\n\r\n")
        with socket.create_connection(("127.0.0.1", to)) as other:
            other.settimeout(DEADLINE)
            threading.Thread(target=pump, args=(other, connection), daemon=True).start()
            pump(connection, other)
    return serve


@pytest.mark.parametrize(("answer", "status"), [(saying("Hi"), 200), (failing(429, "busy"), 429)])
def test_a_proxy_server_that_lets_through(open_house, certificates, answer, status):
    """It sees where to, and nothing else; its own answer is nobody's."""
    server = TLSUpstream(answering(certificates, "other", *answer))
    port = server.url.split(":")[2].split("/")[0]
    way = TLSUpstream(tunnel(int(port)))
    house = open_house(UPSTREAM_URL=f"https://other.test:{port}/v1",
                       UPSTREAM_CA_FILE=str(certificates / "ca.pem"),
                       https_proxy=f"http://{way.url.split('/')[2]}")
    response = house.proxy.post(message())
    assert response.status == status, response.body
    assert response.header("retry-after") is None
    [asked] = way.requests
    assert asked.startswith(b"CONNECT other.test:%s HTTP/1.1\r\n" % port.encode())
    assert KEY.encode() not in asked and KEY.encode() in server.requests[0]
    server.close()
    way.close()


@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"])
def test_certificates_are_those_of_the_start(open_house, certificates, tmp_path, content):
    """What becomes of the file matters at the next reload, not to new connections."""
    file = tmp_path / "ca.pem"
    file.write_bytes((certificates / "ca.pem").read_bytes())
    server = TLSUpstream(answering(certificates, "good", *saying("Hi")))
    house = open_house(UPSTREAM_URL=server.url, UPSTREAM_CA_FILE=str(file))
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert house.proxy.post(message()).status == 200
    assert len(server.requests) == 1
    server.close()


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_nobody_lets_in(open_house, streams):
    """A listener whose queue is full neither accepts nor refuses."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        house = open_house(UPSTREAM_URL=f"http://127.0.0.1:{full.getsockname()[1]}/v1",
                           CONNECT_TIMEOUT="500ms")
        response = house.proxy.post(message(stream=streams))
        assert (response.status, response.error["type"]) == (504, "timeout_error")
        for filler in fillers:
            filler.close()
