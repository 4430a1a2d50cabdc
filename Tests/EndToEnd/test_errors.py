"""What a failing upstream becomes: the status, type and header that make clients act well."""

import json
import socket

import pytest

from support import answers
from support.answers import failing, saying, whole
from support.client import message, text_of
from support.proxy import KEY
from support.upstream import CLOSE, RESET

STATUSES = [
    # upstream, its metadata, status, type, x-should-retry
    (400, None, 400, "invalid_request_error", None),
    (401, None, 500, "api_error", "false"),
    (402, None, 402, "billing_error", None),
    (403, {"reasons": ["violence"], "flagged_input": "x"}, 400, "policy_blocked", "false"),
    (403, None, 500, "api_error", "false"),
    (404, None, 404, "not_found_error", None),
    (408, None, 504, "timeout_error", None),
    (409, None, 409, "conflict_error", None),
    (413, None, 413, "request_too_large", None),
    (422, None, 400, "invalid_request_error", None),
    (429, None, 429, "rate_limit_error", None),
    (500, None, 500, "api_error", None),
    (502, None, 502, "api_error", None),
    (503, None, 529, "overloaded_error", None),
    (504, None, 504, "timeout_error", None),
    (524, None, 504, "timeout_error", None),
    (529, None, 529, "overloaded_error", None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("upstream_status", "metadata", "status", "type_", "retry"), STATUSES)
def test_an_upstream_status_becomes_the_clients(
    upstream, proxy, upstream_status, metadata, status, type_, retry, stream
):
    upstream.always(failing(upstream_status, "the reason", metadata=metadata))
    response = proxy.post(message(stream=stream))
    assert (response.status, response.error["type"]) == (status, type_)
    assert response.header("x-should-retry") == retry
    assert "the reason" in response.error["message"]
    record = proxy.wait_for_records(1)[0]
    assert (record["outcome"], record["status"], record["error_type"]) == ("failed", status, type_)


@pytest.mark.parametrize(("status", "failure"), [
    (401, "key_refused"), (402, "out_of_credit"), (503, "overloaded"), (500, "internal_fault")])
def test_the_record_tells_what_went_wrong_with_the_upstream(upstream, proxy, status, failure):
    upstream.always(failing(status, "the reason"))
    proxy.post(message())
    assert proxy.wait_for_records(1)[0]["failure"] == failure


@pytest.mark.parametrize(("upstream_status", "metadata", "status", "type_", "retry"), STATUSES)
def test_an_error_within_a_200_gets_its_true_status(
    upstream, proxy, upstream_status, metadata, status, type_, retry
):
    error = {"message": "the reason", "code": upstream_status}
    if metadata:
        error["metadata"] = metadata
    upstream.always([
        answers.STREAM_HEAD, answers.chunked(b": OPENROUTER PROCESSING\n\n"),
        answers.event({"id": answers.ID, "choices": [], "error": error}),
        answers.event("[DONE]"), answers.STREAM_END,
    ])
    response = proxy.post(message(stream=True))
    assert (response.status, response.error["type"]) == (status, type_)
    assert response.header("x-should-retry") == retry
    assert "the reason" in response.error["message"]


def test_a_json_error_within_a_200_gets_its_true_status(upstream, proxy):
    upstream.always(whole(200, {"error": {"message": "slow down", "code": 429}}))
    response = proxy.post(message())
    assert (response.status, response.error["type"]) == (429, "rate_limit_error")


def test_a_short_wait_is_passed_on(upstream, proxy):
    upstream.will(failing(429, Retry_After="7"))
    assert proxy.post(message()).header("retry-after") == "7"


def test_no_wait_is_made_up(upstream, proxy):
    upstream.will(failing(429))
    assert proxy.post(message()).header("retry-after") is None


def test_a_long_wait_is_not_left_to_the_client(upstream, proxy):
    upstream.will(failing(429, Retry_After="3600"))
    response = proxy.post(message())
    assert response.header("retry-after") is None
    assert response.header("x-should-retry") == "false"


def test_a_too_long_prompt_is_told_in_words_that_make_clients_compact(upstream, proxy):
    upstream.will(failing(
        400, "This endpoint's maximum context length is 131072 tokens. However, you requested"
        " about 250000 tokens (249000 of text input, 1000 in the output)."))
    text = proxy.post(message()).error["message"]
    assert text.startswith("prompt is too long: ") and text.endswith(" > 131072 maximum")


def test_an_html_page_becomes_an_error_that_names_it(upstream, proxy):
    page = b"<html><head><title>Bad gateway</title></head></html>"
    upstream.always(whole(502, page, "text/html"))
    response = proxy.post(message())
    assert (response.status, response.error["type"]) == (502, "api_error")
    assert "Bad gateway" in response.error["message"] and "<" not in response.error["message"]


def test_an_html_page_with_status_200_is_an_error(upstream, proxy):
    upstream.always(whole(200, b"<html><title>Log in</title></html>", "text/html"))
    response = proxy.post(message(stream=True))
    assert (response.status, response.error["type"]) == (502, "api_error")


@pytest.mark.parametrize("end", [
    [answers.event({"id": answers.ID, "choices": [], "error": {"code": 503, "message": "busy"}}),
     answers.STREAM_END],
    [answers.piece({"content": ""}, finish="error"), answers.STREAM_END],
    [answers.STREAM_END],
    [CLOSE],
    [RESET],
], ids=["error", "finish", "end of the body", "closed", "reset"])
def test_a_failure_in_the_middle_ends_the_stream_with_an_error_event(upstream, proxy, end):
    upstream.will([answers.STREAM_HEAD, *answers.text("Hel"), *end])
    with proxy.connect() as client:
        client.begin(message(stream=True))
        response = client.response()
        assert response.status == 200
        events = response.events
        assert events[-1]["type"] == "error"
        assert events[-1]["error"]["type"] in ("api_error", "overloaded_error")
        assert events[-1]["request_id"] == response.header("request-id")
        assert "message_stop" not in [value["type"] for value in events]
        # The connection is as good as before.
        upstream.will(saying("Hi"))
        assert client.post(message()).status == 200
    assert proxy.wait_for_records(2)[0]["outcome"] == "interrupted"


def test_a_failure_in_the_middle_of_a_whole_message_is_a_status(upstream, proxy):
    error = {"code": 503, "message": "busy"}
    upstream.will([
        answers.STREAM_HEAD, *answers.text("Hel"),
        answers.event({"id": answers.ID, "choices": [], "error": error}), answers.STREAM_END,
    ])
    response = proxy.post(message())
    assert (response.status, response.error["type"]) == (529, "overloaded_error")


def test_an_end_without_a_reason_is_accepted_when_it_is_marked(upstream, proxy):
    upstream.will([
        answers.STREAM_HEAD, *answers.text("Hi"), answers.event("[DONE]"), answers.STREAM_END])
    events = proxy.post(message(stream=True)).events
    assert text_of(events) == "Hi" and events[-2]["delta"]["stop_reason"] == "end_turn"


def test_nobody_at_the_upstreams_address_is_told_in_words_that_help(start):
    with socket.socket() as closed:
        # Bound but not listening: connections are refused, and nobody else gets the port.
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        proxy = start(url=f"http://127.0.0.1:{port}/v1")
        response = proxy.post(message(stream=True))
    assert (response.status, response.error["type"]) == (500, "api_error")
    assert f"127.0.0.1:{port}" in response.error["message"]
    assert "cannot be reached" in response.error["message"]


@pytest.mark.parametrize("loss", [CLOSE, RESET])
def test_a_lost_connection_is_retried_once_before_any_byte(upstream, proxy, loss):
    upstream.will([loss], saying("Hi"))
    assert proxy.post(message()).json["content"][0]["text"] == "Hi"
    first, second = upstream.requests
    assert first.body == second.body
    assert proxy.wait_for_records(1)[0]["retries"] == 1


def test_a_connection_that_is_lost_twice_is_an_error(upstream, proxy):
    upstream.will([CLOSE], [CLOSE])
    response = proxy.post(message())
    assert response.status in (500, 502) and response.error["type"] == "api_error"
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("status", [502, 503])
def test_an_upstream_that_is_down_for_a_moment_is_asked_again(upstream, proxy, status):
    upstream.will(failing(status), saying("Hi"))
    assert proxy.post(message(stream=True)).status == 200


def test_an_empty_answer_is_asked_for_again_and_then_an_error(upstream, proxy):
    empty = [answers.STREAM_HEAD, *answers.ending()]
    upstream.will(empty, saying("Hi"), empty, empty)
    assert proxy.post(message()).json["content"][0]["text"] == "Hi"
    assert proxy.post(message()).status == 502
    assert len(upstream.requests) == 4


def test_a_parameter_that_the_upstream_does_not_take_is_left_out_and_remembered(upstream, start):
    proxy = start(WORKERS="1")  # each worker learns for itself
    refusal = failing(400, "Unsupported parameter: 'temperature' is not supported.")
    upstream.will(refusal, saying("Hi"), saying("Hi"), saying("Hi"))
    body = message(temperature=0.5, top_p=0.9)
    assert proxy.post(body).status == 200
    assert proxy.post(body).status == 200
    assert proxy.post({**body, "model": "other/model"}).status == 200
    sent = [request.json for request in upstream.requests]
    assert ["temperature" in value for value in sent] == [True, False, False, True]
    assert all("top_p" in value for value in sent)


def test_the_key_is_taken_out_of_what_the_upstream_says(upstream, proxy):
    for stream in [False, True]:
        upstream.will(failing(401, f"Incorrect API key provided: {KEY}."))
        response = proxy.post(message(stream=stream))
        assert KEY not in response.body.decode() and "[removed]" in response.error["message"]
    error = {"code": 500, "message": f"bad key {KEY}"}
    upstream.will([
        answers.STREAM_HEAD, *answers.text("Hel"),
        answers.event({"choices": [], "error": error}), answers.STREAM_END])
    response = proxy.post(message(stream=True))
    assert response.events[-1]["type"] == "error" and KEY.encode() not in response.body
    upstream.will(whole(500, f"<title>{KEY}</title><p>".encode(), "text/html"))
    assert KEY.encode() not in proxy.post(message()).body
    # That the log does not hold it either is checked after every test.
    proxy.wait_for_records(4)


def test_a_proxy_without_a_key_says_so_and_asks_nobody(upstream, start):
    proxy = start(OPENROUTER_API_KEY=None)
    response = proxy.post(message())
    assert (response.status, response.header("x-should-retry")) == (500, "false")
    assert "OPENROUTER_API_KEY" in response.error["message"]
    assert upstream.requests == []


@pytest.mark.parametrize(("body", "words"), [
    (b"", "empty"),
    (b"{", "not valid JSON"),
    (b'{"model":"m"} x', "not valid JSON"),
    (b"\xff\xfe", "not valid JSON"),
    (b"[]", ""),
    (json.dumps({"messages": []}).encode(), "model"),
    (json.dumps({"model": "m", "max_tokens": 1}).encode(), "messages"),
    (json.dumps(message(messages=[{"role": "user"}])).encode(), "messages.0.content"),
    (json.dumps(message(messages=[{"role": "robot", "content": "x"}])).encode(),
     "messages.0.role"),
    (json.dumps(message(max_tokens="many")).encode(), "max_tokens"),
    (json.dumps(message(messages=[{"role": "user", "content": [{"type": "text"}]}])).encode(),
     "messages.0.content.0.text"),
], ids=range(11))
def test_a_request_that_is_none_is_refused_with_the_place_of_the_fault(
    upstream, proxy, body, words
):
    response = proxy.post(body)
    assert (response.status, response.error["type"]) == (400, "invalid_request_error")
    assert words in response.error["message"]
    assert upstream.requests == []
