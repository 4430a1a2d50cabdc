"""Listening, workers, the connection limit, and a decent end."""

import signal
import socket
import threading
import time
from threading import Event

import pytest

from support import answers
from support.answers import saying
from support.client import Client, message, text_of
from support.upstream import UNTIL_LEFT, Wait


def wait_until_refused(proxy):
    """Nobody is let in any more; a connection made meanwhile would hang in the listener's queue.

    The kernel resets the one that is in the queue when the listener closes."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            proxy.connect().close()
        except ConnectionResetError:
            continue
        except ConnectionRefusedError:
            return
    pytest.fail("a proxy that drains still lets clients connect")


def test_a_running_stream_is_finished_before_the_end(upstream, start):
    proxy = start()
    go_on = Event()
    upstream.will([answers.STREAM_HEAD, *answers.text("Hel"), Wait(go_on), *saying("lo")[1:]])
    with proxy.connect() as client, proxy.connect() as idle:
        assert idle.ask("GET", "/health").status == 200
        client.begin(message(stream=True))
        client.response_head()
        events = client.events()
        values = [next(events)[0]]
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_log("stopping")
        idle.expect_end()
        wait_until_refused(proxy)
        go_on.set()
        values += [value for value, _ in events]
        assert text_of(values) == "Hello" and values[-1]["type"] == "message_stop"
        client.expect_end()
    assert proxy.wait() == 0


def test_a_stream_that_outlasts_the_drain_ends_with_an_error_event(upstream, start):
    proxy = start(DRAIN_TIMEOUT="100ms")
    upstream.always([answers.STREAM_HEAD, *answers.text("Hel"), UNTIL_LEFT])
    with proxy.connect() as client, proxy.connect() as whole:
        whole.begin(message())
        upstream.wait_for_requests(1)
        client.begin(message(stream=True))
        client.response_head()
        events = client.events()
        values = [next(events)[0]]
        proxy.signal(signal.SIGTERM)
        values += [value for value, _ in events]
        assert values[-1]["type"] == "error"
        assert values[-1]["error"]["type"] == "overloaded_error"
        assert whole.response().status == 529
    assert proxy.wait() == 0
    assert all(request.left.wait(5) for request in upstream.requests)


def test_a_second_signal_does_not_wait(upstream, start):
    proxy = start(DRAIN_TIMEOUT="1h")
    upstream.will([answers.STREAM_HEAD, *answers.text("Hel"), UNTIL_LEFT])
    with proxy.connect() as client:
        client.begin(message(stream=True))
        client.response_head()
        events = client.events()
        values = [next(events)[0]]
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_log("stopping")
        proxy.signal(signal.SIGINT)
        values += [value for value, _ in events]
        assert values[-1]["type"] == "error"
    assert proxy.wait() == 0


def test_several_workers_serve_and_end_together(upstream, start):
    proxy = start(WORKERS="2")
    upstream.always(saying("Hi"))
    clients = [proxy.connect() for _ in range(20)]
    for client in clients:
        client.begin(message(stream=True))
    assert all(text_of(client.response().events) == "Hi" for client in clients)
    for client in clients:
        client.close()
    assert len(proxy.wait_for_records(20)) == 20


def test_what_workers_count_together_is_exact(upstream, start):
    proxy = start(WORKERS="2")
    upstream.always(saying("Hi"))
    clients, requests = 20, 30

    def ask():
        with proxy.connect() as client:
            for _ in range(requests):
                client.post(message())

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    proxy.wait_for_records(clients * requests)
    usage = proxy.ask("GET", "/health").json["usage"]
    assert usage["input_tokens"] == clients * requests * answers.USAGE["prompt_tokens"]
    assert usage["output_tokens"] == clients * requests * answers.USAGE["completion_tokens"]


def test_a_local_socket_is_served(upstream, start, tmp_path):
    path = tmp_path / "proxy.socket"
    proxy = start(LISTEN=f"unix:{path},127.0.0.1:0")
    assert proxy.addresses[0] == f"unix:{path}"
    upstream.always(saying("Hi"))
    for address in proxy.addresses:
        with Client(proxy.parse(address)) as client:
            assert client.post(message(stream=True)).status == 200
    assert {record["client"] for record in proxy.wait_for_records(2)} == {
        "local socket", "127.0.0.1"}


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_the_file_of_a_local_socket_goes_with_the_proxy(start, tmp_path):
    path = tmp_path / "proxy.socket"
    proxy = start(LISTEN=f"unix:{path}")
    assert path.is_socket()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
    assert not path.exists()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_served(upstream, start):
    proxy = start(LISTEN="[::1]:0")
    upstream.will(saying("Hi"))
    assert proxy.post(message(), host="[::1]").status == 200
    assert proxy.wait_for_records(1)[0]["client"] == "::1"


def test_more_connections_than_allowed_are_told_to_come_again(upstream, start):
    proxy = start(MAX_CONNECTIONS="2")
    with proxy.connect() as first, proxy.connect() as second:
        assert first.ask("GET", "/health").status == 200
        assert second.ask("GET", "/health").status == 200
        response = proxy.post(message())
        assert (response.status, response.error["type"]) == (529, "overloaded_error")
        assert int(response.header("retry-after")) >= 1
        assert first.ask("GET", "/health").status == 200
    assert upstream.requests == []
