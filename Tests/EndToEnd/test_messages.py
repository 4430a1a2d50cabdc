"""What a request for a message becomes, on both sides, byte by byte."""

import json

import pytest

from support import answers
from support.answers import saying
from support.client import message, normalised, text_of
from support.proxy import KEY

USAGE = (
    '"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,'
    '"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},'
    '"output_tokens":%d,"service_tier":"standard"}'
)
HEAD = (
    '"id":"msg_0","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929",'
    '"content":['
)


def sse(*values):
    """The bytes of events."""
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (json.loads(value)["type"].encode(), value.encode())
        for value in values
    )


def test_a_message_is_answered_whole(upstream, proxy):
    upstream.will(saying("Hel", "lo"))
    response = proxy.post(message())
    assert normalised(response.body).decode() == (
        "{" + HEAD + '{"type":"text","text":"Hello"}],"stop_reason":"end_turn",'
        '"stop_sequence":null,' + USAGE % (12, 5) + "}"
    )
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    assert response.header("content-length") == str(len(response.body))
    assert response.header("request-id").startswith("req_")
    assert response.header("request-id")[4:] == response.json["id"][4:]
    assert response.header("x-claude-proxy-dropped") is None


def test_a_message_is_streamed(upstream, proxy):
    upstream.will(saying("Hel", "lo \\ \"quoted\" \u00e9 \U0001f600\n"))
    response = proxy.post(message(stream=True))
    delta = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%s}}'
    assert normalised(response.body) == sse(
        '{"type":"message_start","message":{' + HEAD + '],"stop_reason":null,'
        '"stop_sequence":null,' + USAGE % (1, 1) + "}}",
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        delta % '"Hel"',
        delta % json.dumps("lo \\ \"quoted\" \u00e9 \U0001f600\n"),
        '{"type":"content_block_stop","index":0}',
        '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
        + USAGE % (12, 5) + "}",
        '{"type":"message_stop"}',
    )
    assert response.status == 200
    assert response.header("content-type") == "text/event-stream; charset=utf-8"
    assert response.header("transfer-encoding") == "chunked"
    assert response.header("cache-control") == "no-cache"
    assert response.header("x-accel-buffering") == "no"
    assert response.header("request-id").startswith("req_")


def test_the_upstream_is_asked_in_its_own_words(upstream, start):
    proxy = start(
        OPENROUTER_SITE_URL="https://example.com/app", OPENROUTER_SITE_NAME="An application"
    )
    upstream.will(saying("Hi"))
    client_fields = {
        "x-api-key": "the-clients-own", "authorization": "Bearer the-clients-own",
        "user-agent": "client/1", "cookie": "a=b", "anthropic-beta": "some-beta",
        "x-stainless-lang": "python", "accept-language": "tlh",
    }
    proxy.post(message(), client_fields)
    request = upstream.request()
    assert (request.method, request.path) == ("POST", "/api/v1/chat/completions")
    assert request.header("authorization") == f"Bearer {KEY}"
    assert request.header("http-referer") == "https://example.com/app"
    assert request.header("x-title") == "An application"
    assert request.header("x-openrouter-title") == "An application"
    assert request.header("content-type") == "application/json"
    assert request.header("user-agent").startswith("claude-proxy/")
    assert request.names() == [
        "accept", "authorization", "content-length", "content-type", "host", "http-referer",
        "user-agent", "x-openrouter-title", "x-title",
    ]
    assert request.body == (
        b'{"model":"openai/gpt-oss-120b","messages":[{"role":"user","content":"Hello"}],'
        b'"max_tokens":1000,"stream":true,"stream_options":{"include_usage":true}}'
    )


def test_no_site_is_named_unless_it_is_configured(upstream, proxy):
    upstream.will(saying("Hi"))
    proxy.post(message())
    assert not {"http-referer", "x-title", "x-openrouter-title"} & set(upstream.request().names())


@pytest.mark.parametrize("stream", [False, True])
def test_the_upstream_always_streams(upstream, proxy, stream):
    upstream.will(saying("Hi"))
    proxy.post(message(stream=stream))
    body = upstream.request().json
    assert body["stream"] is True and body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("requested", "asked"),
    [
        ("claude-sonnet-4-5", "vendor/default"),
        ("claude-haiku-4-5-20251001", "vendor/small"),
        ("claude-haiku-exact", "vendor/exact"),
        ("my-model", "vendor/mine"),
        ("other/model:free", "other/model:free"),
        ("claude-other/model", "other/model"),
        ("gpt-4o", "vendor/default"),
    ],
)
def test_the_model_map_chooses_the_upstream_model(upstream, start, requested, asked):
    proxy = start(
        OPENROUTER_MODEL="vendor/default",
        MODEL_MAP="claude-haiku-*=vendor/small,claude-haiku-exact=vendor/exact,"
        "my-model=vendor/mine",
    )
    upstream.will(saying("Hi"))
    assert proxy.post(message(model=requested)).status == 200
    assert upstream.request().json["model"] == asked


@pytest.mark.parametrize(
    ("setting", "reported"),
    [
        ("requested", "claude-of-the-client"),
        ("upstream", "vendor/that-answered"),
        ("claude-of-the-setting", "claude-of-the-setting"),
        (None, "claude-sonnet-4-5-20250929"),
    ],
)
def test_the_reported_model_is_a_setting(upstream, start, setting, reported):
    proxy = start(REPORT_MODEL=setting)
    script = [
        answers.STREAM_HEAD,
        answers.piece({"content": "Hi"}, model="vendor/that-answered"),
        *answers.ending(),
    ]
    upstream.will(script, script)
    body = message(model="claude-of-the-client")
    assert proxy.post(body).json["model"] == reported
    events = proxy.post({**body, "stream": True}).events
    assert events[0]["message"]["model"] == reported


@pytest.mark.parametrize(
    ("system", "sent"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "Be brief."}], "Be brief."),
        (
            [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
            "Be brief.\n\nBe kind.",
        ),
    ],
)
def test_the_system_prompt_comes_first(upstream, proxy, system, sent):
    upstream.will(saying("Hi"))
    proxy.post(message(system=system))
    first, second = upstream.request().json["messages"]
    content = first["content"]
    if isinstance(content, list):
        content = "\n\n".join(part["text"] for part in content)
    assert (first["role"], content) == ("system", sent)
    assert second == {"role": "user", "content": "Hello"}


def test_a_system_message_may_stand_among_the_messages(upstream, proxy):
    upstream.will(saying("Hi"))
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "And now?"},
        {"role": "system", "content": "Be brief."},
    ]
    assert proxy.post(message(messages=messages)).status == 200
    assert "Be brief." in upstream.request().body.decode()


def test_what_is_left_out_is_named(upstream, proxy):
    upstream.will(saying("Hi"))
    response = proxy.post(message(service_tier="auto", never_heard_of={"a": 1}))
    assert response.status == 200
    assert response.header("x-claude-proxy-dropped") == "service_tier,never_heard_of"
    assert "never_heard_of" not in upstream.request().json
    assert proxy.wait_for_records(1)[0]["dropped"] == "service_tier,never_heard_of"


def test_a_tool_call_is_streamed_in_its_pieces(upstream, proxy):
    arguments = '{"city": "K\\u00f6ln", "days": 3}'
    upstream.will(answers.calling("weather", arguments, pieces=4))
    tools = [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}]
    events = proxy.post(message(stream=True, tools=tools)).events
    begin = next(value for value in events if value["type"] == "content_block_start")
    assert begin["content_block"] == {
        "type": "tool_use", "id": "call_1", "name": "weather", "input": {},
    }
    deltas = [value["delta"] for value in events if value["type"] == "content_block_delta"]
    assert len(deltas) > 1 and {delta["type"] for delta in deltas} == {"input_json_delta"}
    assert "".join(delta["partial_json"] for delta in deltas) == arguments
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    function = upstream.request().json["tools"][0]["function"]
    assert function["name"] == "weather"


def test_a_tool_result_goes_back_to_its_call(upstream, proxy):
    upstream.will(saying("It rains."))
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Ulm"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"}]},
    ]
    tools = [{"name": "weather", "input_schema": {"type": "object"}}]
    assert proxy.post(message(messages=messages, tools=tools)).status == 200
    _, call, result = upstream.request().json["messages"]
    function = call["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("weather", {"city": "Ulm"})
    assert result == {"role": "tool", "tool_call_id": "call_1", "content": "rain"}


@pytest.mark.parametrize(
    ("finish", "reason"), [("stop", "end_turn"), ("length", "max_tokens"), (None, "end_turn")]
)
def test_the_stop_reason_is_translated(upstream, proxy, finish, reason):
    upstream.will(saying("Hi", finish=finish))
    assert proxy.post(message()).json["stop_reason"] == reason


def test_an_answer_may_come_byte_by_byte(upstream, proxy):
    script = b"".join(
        step for step in saying("Hel", "lo", " w\u00f6rld")[1:-1] if isinstance(step, bytes)
    )
    body = b"".join(line + b"\n" for line in script.split(b"\r\n") if line.startswith(b"data"))
    upstream.will(
        [answers.STREAM_HEAD, *[answers.chunked(bytes([byte])) for byte in body],
         answers.STREAM_END]
    )
    assert text_of(proxy.post(message(stream=True)).events) == "Hello w\u00f6rld"


def test_an_upstream_connection_is_used_again(upstream, proxy):
    upstream.always(saying("Hi"))
    for _ in range(10):
        assert proxy.post(message(stream=True)).status == 200
    # An answer ends with [DONE]; the next request may come before the upstream has ended its body,
    # and then needs a connection of its own.
    assert upstream.connection_count <= 2
