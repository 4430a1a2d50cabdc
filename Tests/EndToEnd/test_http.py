"""HTTP/1.1 towards clients: what is accepted, what is refused, and how."""

import gzip
import json

import pytest

from support import answers
from support.answers import saying
from support.client import JSON_FIELDS, message, parse_events, request_bytes, text_of

JSON_TYPE = "Content-Type: application/json\r\n"


def head(*lines, method="POST", path="/v1/messages"):
    fields = "".join(line + "\r\n" for line in lines)
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{JSON_TYPE}{fields}\r\n".encode()


def test_a_connection_serves_many_requests(upstream, proxy):
    upstream.always(saying("Hi"))
    with proxy.connect() as client:
        for stream in [True, False, True]:
            assert client.post(message(stream=stream)).status == 200
            assert client.ask("GET", "/health").status == 200
        client.expect_nothing_more()


def test_requests_sent_ahead_are_answered_in_order(upstream, proxy):
    upstream.will(saying("first"), saying("second"), saying("third"))
    bodies = [message(stream=True), message(), message(stream=True)]
    with proxy.connect() as client:
        client.send(
            b"".join(request_bytes("POST", "/v1/messages", body, JSON_FIELDS) for body in bodies)
        )
        assert text_of(client.response().events) == "first"
        assert client.response().json["content"][0]["text"] == "second"
        assert text_of(client.response().events) == "third"


@pytest.mark.parametrize("path", ["/", "/v1/messages", "/anything"])
def test_head_answers_probes_without_a_body(proxy, path):
    with proxy.connect() as client:
        assert client.ask("HEAD", path).status in (200, 204)
        assert client.ask("GET", "/health").status == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/messages/", "/v1/messages/batches", "/v1/files"])
def test_an_unknown_path_is_a_404(proxy, path):
    response = proxy.post({}, path=path)
    assert (response.status, response.error["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("GET", "/v1/messages", "POST, HEAD"),
    ("DELETE", "/v1/messages", "POST, HEAD"),
    ("POST", "/v1/models", "GET, HEAD"),
    ("POST", "/health", "GET, HEAD"),
])
def test_a_method_that_the_path_does_not_take_is_a_405(proxy, method, path, allow):
    response = proxy.ask(method, path)
    assert (response.status, response.header("allow")) == (405, allow)
    assert response.error["type"] == "invalid_request_error"


def test_a_query_and_a_doubled_version_do_not_matter(upstream, proxy):
    upstream.always(saying("Hi"))
    for path in ["/v1/messages?beta=true", "/v1/v1/messages"]:
        assert proxy.post(message(), path=path).status == 200


def test_a_client_that_expects_100_is_told_to_go_on(upstream, proxy):
    upstream.will(saying("Hi"))
    body = json.dumps(message()).encode()
    with proxy.connect() as client:
        client.send(head("Expect: 100-continue", f"Content-Length: {len(body)}"))
        assert client.response().status == 100
        client.send(body)
        assert client.response().status == 200


def test_a_chunked_body_is_taken(upstream, proxy):
    upstream.will(saying("Hi"))
    body = json.dumps(message()).encode()
    with proxy.connect() as client:
        client.send(head("Transfer-Encoding: chunked"))
        for start in range(0, len(body), 20):
            part = body[start : start + 20]
            client.send(b"%x;name=value\r\n%s\r\n" % (len(part), part))
        client.send(b"0\r\nTrailer: x\r\n\r\n")
        assert client.response().status == 200
    assert upstream.request().json["messages"] == [{"role": "user", "content": "Hello"}]


def test_a_request_may_come_byte_by_byte(upstream, proxy):
    upstream.will(saying("Hi"))
    with proxy.connect() as client:
        for byte in request_bytes("POST", "/v1/messages", message(), JSON_FIELDS):
            client.send(bytes([byte]))
        assert client.response().status == 200


def test_a_gzip_body_is_inflated(upstream, proxy):
    upstream.will(saying("Hi"))
    body = gzip.compress(json.dumps(message()).encode())
    assert proxy.post(body, {"content-encoding": "gzip"}).status == 200
    assert upstream.request().json["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    "body", [b"not gzip", gzip.compress(b"{}" * 100)[:-9]], ids=["plain", "cut"]
)
def test_a_damaged_gzip_body_is_refused(proxy, body):
    response = proxy.post(body, {"content-encoding": "gzip"})
    assert response.status == 400
    assert response.error["details"]["error_code"] == "request_body_encoding_invalid"


def test_a_gzip_body_that_grows_too_large_is_refused(start):
    proxy = start(MAX_BODY="64KiB")
    response = proxy.post(gzip.compress(b" " * 1_000_000), {"content-encoding": "gzip"})
    assert (response.status, response.error["type"]) == (413, "request_too_large")
    code = response.error["details"]["error_code"]
    assert code == "request_body_too_large_after_decoding"


def test_another_encoding_is_refused(proxy):
    response = proxy.post(message(), {"content-encoding": "br"})
    assert response.status == 415
    assert response.error["details"]["error_code"] == "request_body_encoding_unsupported"


def test_a_body_over_the_limit_is_refused_before_it_is_sent(start):
    proxy = start(MAX_BODY="1KiB")
    with proxy.connect() as client:
        client.send(head("Content-Length: 1025"))
        response = client.response()
        assert (response.status, response.error["type"]) == (413, "request_too_large")
        client.expect_end()


def test_a_chunked_body_over_the_limit_is_refused(start):
    proxy = start(MAX_BODY="1KiB")
    with proxy.connect() as client:
        client.send(head("Transfer-Encoding: chunked") + b"401\r\n" + b"x" * 0x401)
        assert client.response().status == 413
        client.expect_end()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(upstream, proxy, content_type):
    response = proxy.post(message(), {"content-type": content_type})
    assert (response.status, response.error["type"]) == (415, "invalid_request_error")
    assert upstream.requests == []


def test_a_content_type_may_have_parameters(upstream, proxy):
    upstream.will(saying("Hi"))
    fields = {"content-type": "Application/JSON; charset=utf-8"}
    assert proxy.post(message(), fields).status == 200


def test_an_http_1_0_stream_ends_with_the_connection(upstream, proxy):
    upstream.will(saying("Hi"))
    with proxy.connect() as client:
        body = message(stream=True)
        client.send(request_bytes("POST", "/v1/messages", body, JSON_FIELDS, version="1.0"))
        response = client.response_head()
        assert response.status == 200
        assert response.header("transfer-encoding") is None
        assert response.header("content-length") is None
        assert text_of(parse_events(client.read_to_end())) == "Hi"


def test_an_http_1_0_message_has_a_length(upstream, proxy):
    upstream.will(saying("Hi"))
    with proxy.connect() as client:
        response = client.post(message(), version="1.0")
        assert response.header("content-length") == str(len(response.body))
        client.expect_end()


def test_a_client_may_ask_for_the_connections_end(upstream, proxy):
    upstream.will(saying("Hi"))
    with proxy.connect() as client:
        response = client.post(message(stream=True), {"connection": "close"})
        assert response.header("connection") == "close" and text_of(response.events) == "Hi"
        client.expect_end()


@pytest.mark.parametrize(("data", "status"), [
    (b"nonsense\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\nHost: a\n\n", 400),
    (b"GET /health HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400),
    (b"GET /health HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (head("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
    (head("Content-Length: 5", "Content-Length: 5"), 400),
    (head("Content-Length: +5"), 400),
    (head("Transfer-Encoding: gzip, chunked"), 501),
    (head("Transfer-Encoding: chunked") + b"5 \r\n", 400),
    (head("Transfer-Encoding: chunked") + b"1\r\nxy", 400),
    (head("Expect: something"), 417),
    (b"BREW /health HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /health HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 33000 + b"\r\n\r\n", 431),
    (b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 129 + b"\r\n", 431),
], ids=range(19))
def test_what_is_no_proper_request_is_refused_and_the_connection_ends(
    upstream, proxy, data, status
):
    with proxy.connect() as client:
        # What follows must never be read as a request.
        client.send(data + b"\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.response()
        assert (response.status, response.header("connection")) == (status, "close")
        assert response.error["type"] == "invalid_request_error"
        client.expect_end()
    assert upstream.requests == []


def test_a_streams_chunks_are_whole_events(upstream, proxy):
    upstream.will(saying(*[f"{number} " for number in range(50)]))
    with proxy.connect() as client:
        client.begin(message(stream=True))
        client.response_head()
        chunks = list(client.chunks())
    assert all(chunk.startswith(b"event: ") and chunk.endswith(b"\n\n") for chunk in chunks)
    assert text_of(parse_events(b"".join(chunks))) == "".join(f"{n} " for n in range(50))


def test_an_upstream_that_breaks_http_is_an_error(upstream, proxy):
    upstream.always([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n"])
    assert proxy.post(message(stream=True)).status >= 500
    upstream.always([answers.STREAM_HEAD, *answers.text("Hi"), b"zzz\r\n"])
    assert proxy.post(message(stream=True)).events[-1]["type"] == "error"
