"""Upstreams behind TLS: HTTP/2 over one connection, and certificates that are not to be trusted."""

import threading
import time

import pytest

from support import DEADLINE, answers
from support.client import message, text_of
from support.tls import certificates, front, needs_front  # noqa: F401
from support.upstream import Signal, Wait

pytestmark = needs_front


def test_many_streams_share_one_http2_connection(upstream, front, start, certificates):
    url, log = front("good")
    # Each worker has its own connections.
    proxy = start(url=url, UPSTREAM_CA_FILE=str(certificates / "ca.pem"), WORKERS="1")
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


def test_a_new_connection_resumes_a_known_tls_session(upstream, front, start, certificates):
    url, log = front("good", "--npn-list=http/1.1")
    proxy = start(url=url, UPSTREAM_CA_FILE=str(certificates / "ca.pem"), WORKERS="1")
    upstream.always(answers.saying("Hello"))
    assert proxy.post(message()).status == 200

    # With the first connection taken, the second request needs another.
    come, go = threading.Event(), threading.Event()
    upstream.will([Signal(come), Wait(go), *answers.saying("Hello")])
    first = threading.Thread(target=proxy.post, args=(message(),))
    first.start()
    assert come.wait(DEADLINE)
    assert proxy.post(message()).status == 200
    go.set()
    first.join(DEADLINE)
    resumed = {line.split()[1]: line.split()[2] for line in log.read_text().splitlines()}
    assert list(resumed.values()) == [".", "r"]


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
