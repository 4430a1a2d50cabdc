"""Upstreams behind TLS: HTTP/2 over one connection, and certificates that are not to be trusted."""

import shutil
import socket
import subprocess
import threading
import time

import pytest

from support import DEADLINE, answers
from support.client import message, text_of

pytestmark = pytest.mark.skipif(
    not shutil.which("nghttpx"), reason="needs nghttpx (Debian: nghttp2-proxy)"
)


def openssl(directory, *arguments):
    subprocess.run(
        ["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=DEADLINE
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA and three certificates of its making: good, expired, and for another host."""
    path = tmp_path_factory.mktemp("tls")
    openssl(
        path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "30", "-subj", "/CN=CA of the tests",
    )
    for name, host, days in [
        ("good", "localhost", "30"), ("expired", "localhost", "0"), ("other", "other.test", "30"),
    ]:
        openssl(
            path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.csr", "-subj", f"/CN={host}",
        )
        (path / "extensions").write_text(f"subjectAltName=DNS:{host}")
        openssl(
            path, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", days, "-extfile", "extensions", "-out", f"{name}.pem",
        )
    return path


@pytest.fixture
def front(upstream, certificates, tmp_path):
    """Starts a TLS front before the scripted upstream; gives its URL and its access log."""
    processes = []

    def start(name):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = tmp_path / "access.log"
        address = upstream.url.split("/")[2].replace(":", ",")
        process = subprocess.Popen(
            [
                "nghttpx", f"-f127.0.0.1,{port}", f"-b{address}", "--workers=1",
                f"--accesslog-file={log}", "--accesslog-format=$alpn $remote_port",
                str(certificates / f"{name}.key"), str(certificates / f"{name}.pem"),
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        processes.append(process)
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None
        return f"https://localhost:{port}/v1", log

    yield start
    for process in processes:
        process.terminate()
        process.wait(DEADLINE)


def test_many_streams_share_one_http2_connection(upstream, front, start, certificates):
    url, log = front("good")
    proxy = start(url=url, UPSTREAM_CA_FILE=str(certificates / "ca.pem"))
    upstream.always(answers.saying("Hel", "lo"))
    assert proxy.post(message()).json["content"][0]["text"] == "Hello"
    texts = []

    def take():
        texts.append(text_of(proxy.post(message(stream=True)).events))

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert texts == ["Hello"] * 20
    deadline = time.monotonic() + DEADLINE
    while len(lines := log.read_text().split("\n")[:-1]) < 21:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(set(lines)) == 1, "one connection"
    assert lines[0].split()[0] == "h2"


@pytest.mark.parametrize("name", ["expired", "other"])
def test_a_certificate_that_is_not_to_be_trusted_ends_it(front, start, certificates, name):
    url, _ = front(name)
    # A certificate that is valid for no day is still good in the second in which it was made.
    time.sleep(1 if name == "expired" else 0)
    proxy = start(url=url, UPSTREAM_CA_FILE=str(certificates / "ca.pem"))
    response = proxy.post(message())
    assert (response.status, response.error["type"]) == (500, "api_error")
    assert "certificate" in response.error["message"]
    assert response.header("x-should-retry") == "false"


def test_an_unknown_ca_is_not_trusted(front, start):
    url, _ = front("good")
    response = start(url=url).post(message(stream=True))
    assert response.status == 500 and "certificate" in response.error["message"]


def test_a_handshake_that_is_not_answered_is_given_up(upstream, start):
    # The scripted upstream speaks plain HTTP and waits for the end of a line.
    proxy = start(url=upstream.url.replace("http:", "https:"), CONNECT_TIMEOUT="200ms")
    response = proxy.post(message())
    assert (response.status, response.error["type"]) == (504, "timeout_error")
