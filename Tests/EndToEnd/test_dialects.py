"""Upstreams that are asked by the Responses API, or by the Messages API itself."""

import json

import pytest

from support import DEADLINE, answers, dialects
from support.answers import STREAM_HEAD, saying
from support.client import message, text_of
from support.dialects import call, reasoning, responding, telling, text
from support.proxy import KEY
from support.upstream import UNTIL_LEFT

TOOL = {"name": "Read", "input_schema": {"type": "object", "properties": {"p": {"type": "string"}}}}
OPENAI = {"UPSTREAM_PROFILE": "openai", "OPENROUTER_MODEL": "gpt-5.6"}


def content_of(response, is_streamed):
    if not is_streamed:
        return response.json["content"]
    blocks = []
    for event in response.events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            arguments = ""
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            for kind, key in [("text", "text"), ("thinking", "thinking"), ("signature", "signature")]:
                if delta["type"] == f"{kind}_delta":
                    blocks[-1][key] = blocks[-1].get(key, "") + delta[key]
            if delta["type"] == "input_json_delta":
                arguments += delta["partial_json"]
        elif event["type"] == "content_block_stop" and blocks[-1]["type"] == "tool_use":
            blocks[-1]["input"] = json.loads(arguments or "{}")
    return blocks


# The Responses API


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_response_is_asked_for_and_translated(upstream, start, is_streamed):
    proxy = start(UPSTREAM_API="responses", **OPENAI)
    upstream.will(responding(text("Hello there"), call("Read", '{"p":"a"}')))
    answer = proxy.post(message(stream=is_streamed, system="Be brief.", tools=[TOOL]))
    assert answer.status == 200
    said, used = content_of(answer, is_streamed)
    assert (said["text"], used["name"], used["input"]) == ("Hello there", "Read", {"p": "a"})
    asked = upstream.request()
    assert asked.path == "/api/v1/responses" and asked.header("authorization") == f"Bearer {KEY}"
    body = asked.json
    assert body["model"] == "gpt-5.6" and body["stream"] is True and body["store"] is False
    assert "messages" not in body and body["input"][-1]["content"][0]["text"] == "Hello"
    assert [tool["name"] for tool in body["tools"]] == ["Read"]


def test_reasoning_goes_back_as_it_was_encrypted(upstream, start):
    proxy = start(UPSTREAM_API="responses", **OPENAI)
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000}
    upstream.will(responding(reasoning("A plan.", "ENCRYPTED"), call("Read", '{"p":"a"}')))
    first = proxy.post(message(tools=[TOOL], **thinking))
    thought, used = first.json["content"]
    assert thought["thinking"] == "A plan." and "ENCRYPTED" not in thought["signature"]
    upstream.will(responding(text("Done")))
    history = [
        *message()["messages"],
        {"role": "assistant", "content": [thought, used]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": used["id"], "content": "a file"}]},
    ]
    assert proxy.post(message(tools=[TOOL], messages=history, **thinking)).status == 200
    items = upstream.request(1).json["input"]
    kinds = [item["type"] for item in items]
    assert kinds[-3:] == ["reasoning", "function_call", "function_call_output"]
    assert items[-3]["encrypted_content"] == "ENCRYPTED"
    assert items[-2]["call_id"] == items[-1]["call_id"] and items[-1]["output"] == "a file"
    # Nobody else could decrypt it.
    other = start(UPSTREAM_API="responses", OPENROUTER_API_KEY=KEY + "x", **OPENAI)
    upstream.will(responding(text("Done")))
    assert other.post(message(tools=[TOOL], messages=history, **thinking)).status == 200
    assert "ENCRYPTED" not in upstream.request(2).body.decode()


def test_what_a_response_says_of_its_failure_is_the_status(upstream, start):
    proxy = start(UPSTREAM_API="responses", **OPENAI)
    failed = dialects.response("failed", error={"code": "rate_limit_exceeded", "message": "slow"})
    upstream.always([STREAM_HEAD, dialects.named("response.failed", {"response": failed}),
                     answers.STREAM_END])
    answer = proxy.post(message(stream=True))
    assert answer.status == 429 and answer.error["type"] == "rate_limit_error"


def test_an_answer_ends_at_a_stop_sequence_that_the_upstream_does_not_know(upstream, start):
    proxy = start(UPSTREAM_API="responses", **OPENAI)
    upstream.will([*responding(text("one STOP two"))[:-3], UNTIL_LEFT])
    answer = proxy.post(message(stop_sequences=["STOP"]))
    assert answer.json["content"][0]["text"] == "one "
    assert (answer.json["stop_reason"], answer.json["stop_sequence"]) == ("stop_sequence", "STOP")
    assert upstream.request().left.wait(DEADLINE)


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-5.6-mini", "gpt-5.3-codex", "o3-pro"])
def test_models_that_need_the_responses_api_get_it(upstream, start, model):
    proxy = start(UPSTREAM_PROFILE="openai", OPENROUTER_MODEL=model)
    upstream.will(responding(text("Hi")))
    assert proxy.post(message()).status == 200
    assert upstream.request().path == "/api/v1/responses"


@pytest.mark.parametrize("model", ["gpt-5.2", "gpt-4o", "gpt-5.4-chat-latest", "gpt-oss-120b"])
def test_other_models_are_asked_by_chat_completions(upstream, start, model):
    proxy = start(UPSTREAM_PROFILE="openai", OPENROUTER_MODEL=model)
    upstream.will(saying("Hi"))
    assert proxy.post(message()).status == 200
    assert upstream.request().path == "/api/v1/chat/completions"


@pytest.mark.parametrize("words", [
    "This model is only supported in v1/responses and not in v1/chat/completions.",
    "Function tools with reasoning_effort are not supported for d in /v1/chat/completions. "
    "Please use /v1/responses instead.",
])
def test_a_refusal_teaches_which_api_a_model_wants(upstream, start, words):
    proxy = start(UPSTREAM_PROFILE="azure", OPENROUTER_MODEL="a-deployment")

    def judge(request):
        if request.path.endswith("/responses"):
            return responding(text("Hi"))
        return answers.whole(400, {"error": {"message": words, "type": "invalid_request_error",
                                             "param": "model", "code": None}})

    upstream.always(judge)
    for _ in range(2):
        assert proxy.post(message(tools=[TOOL])).json["content"][0]["text"] == "Hi"
    paths = [request.path.rpartition("/")[2] for request in upstream.requests]
    assert paths == ["completions", "responses", "responses"]
    assert "responses" in proxy.wait_for_records(2)[0]["lessons"]


def test_a_gateway_without_the_responses_api_is_asked_by_chat_completions(upstream, start):
    proxy = start(**OPENAI)

    def judge(request):
        if request.path.endswith("/responses"):
            return answers.whole(404, {"error": {"message": "Not Found", "code": 404}})
        return saying("Hi")

    upstream.always(judge)
    for _ in range(2):
        assert proxy.post(message()).status == 200
    paths = [request.path.rpartition("/")[2] for request in upstream.requests]
    assert paths == ["responses", "completions", "completions"]


def test_an_api_that_is_set_is_not_left(upstream, start):
    proxy = start(UPSTREAM_API="responses", **OPENAI)
    upstream.always(answers.whole(404, {"error": {"message": "Not Found", "code": 404}}))
    assert proxy.post(message()).status == 404
    assert len(upstream.requests) == 1


# The Messages API


ODD = (b'{ "max_tokens":1000,"model" : "claude-x", "messages":[{"role":"user","content":"H\\u0069"}],'
       b'"temperature":0.50, "metadata":{"user_id":"u"} %s}')


def test_a_message_goes_on_with_hardly_a_byte_changed(upstream, start):
    proxy = start(UPSTREAM_API="messages", UPSTREAM_PROFILE="anthropic",
                  OPENROUTER_MODEL="claude-opus-4-6")
    upstream.will(telling("Hel", "lo"))
    fields = {
        "anthropic-beta": "context-management-2025-06-27", "anthropic-version": "2026-10-21",
        "x-app": "cli", "x-stainless-lang": "js", "x-api-key": "the client's",
        "authorization": "Bearer the client's", "cookie": "a=b",
    }
    answer = proxy.post(ODD % b', "stream":true', fields, path="/v1/messages?beta=true")
    assert answer.status == 200 and text_of(answer.events) == "Hello"
    asked = upstream.request()
    assert asked.path == "/api/v1/messages?beta=true"
    assert asked.body == (ODD % b', "stream":true').replace(b'"claude-x"', b'"claude-opus-4-6"')
    assert asked.header("x-api-key") == KEY and asked.header("authorization") is None
    assert asked.header("anthropic-version") == "2026-10-21"
    assert asked.header("anthropic-beta") == "context-management-2025-06-27"
    assert asked.header("x-app") == "cli" and asked.header("x-stainless-lang") == "js"
    assert asked.header("cookie") is None
    # Padding and unknown members come through; the model is the one that is reported.
    assert b'"delta":{"type":"text_delta","text":"Hel"}   }' in answer.body
    assert answer.events[0]["message"]["model"] == "claude-sonnet-4-5-20250929"


def test_the_next_request_on_a_connection_has_its_own_fields(upstream, start):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    upstream.always(telling("Hi"))
    for beta in ["one", None, "two"]:
        fields = {"anthropic-beta": beta} if beta else {}
        assert proxy.post(message(stream=True), fields).status == 200
    betas = [request.header("anthropic-beta") for request in upstream.requests]
    assert betas == ["one", None, "two"]
    asked = upstream.request()
    assert asked.path == "/api/v1/messages" and asked.header("authorization") == f"Bearer {KEY}"


def test_a_client_is_known_upstream_by_its_own_key(upstream, start):
    proxy = start(
        UPSTREAM_ANT_URL=upstream.url.removesuffix("/api/v1") + "/anthropic",
        UPSTREAM_ANT_PROFILE="anthropic", UPSTREAM_ANT_KEY="client",
        OPENROUTER_MODEL="claude-opus-5@ant", CLIENT_TOKENS="proxy-token-0123456789")
    limits = {"anthropic-ratelimit-requests-remaining": "7", "request-id": "req_upstream",
              "set-cookie": "a=b"}
    stream = telling("Hi")
    head = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in limits.items())
    upstream.always([stream[0][:-2] + head + b"\r\n", *stream[1:]])
    for number, (field, value) in enumerate([
            ("authorization", "Bearer sk-ant-oat-mine"), ("x-api-key", "sk-ant-api-mine")]):
        mine = {field: value}
        token = "proxy-token-0123456789"
        mine["x-api-key" if field == "authorization" else "authorization"] = (
            token if field == "authorization" else f"Bearer {token}")
        answer = proxy.post(message(stream=True), mine, path="/v1/messages?beta=true&x=1")
        assert answer.status == 200 and text_of(answer.events) == "Hi"
        asked = upstream.request(number)
        assert asked.path == "/anthropic/v1/messages?beta=true&x=1"
        assert asked.header(field) == value
        assert asked.header("x-api-key" if field == "authorization" else "authorization") is None
        assert answer.header("anthropic-ratelimit-requests-remaining") == "7"
        assert answer.header("x-generation-id") == "req_upstream"
        assert answer.header("set-cookie") is None
    refused = proxy.post(message(), {"x-api-key": "proxy-token-0123456789"})
    assert refused.status == 401 and "UPSTREAM_ANT_KEY=client" in refused.error["message"]
    assert len(upstream.requests) == 2
    assert "sk-ant" not in "".join(proxy.lines)
    # Those of the proxy's own account are not told.
    own = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    assert own.post(message(stream=True)).header("anthropic-ratelimit-requests-remaining") is None


@pytest.mark.parametrize("words,left", [
    ("Unexpected value(s) `b-2025-11-20` for the `anthropic-beta` header. Please consult our docs",
     "a-2025-01-01"),
    ("invalid beta flag", None),
    ('`x` is not supported. You said: "the `anthropic-beta` header is invalid: `b-2025-11-20`"',
     "a-2025-01-01,b-2025-11-20"),
])
def test_a_beta_that_is_refused_is_left_out_and_if_it_is_named_remembered(upstream, start, words, left):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")

    def judge(request):
        if request.header("anthropic-beta") == left:
            return telling("Hi")
        error = {"type": "invalid_request_error", "message": words}
        return answers.whole(400, {"type": "error", "error": error})

    upstream.always(judge)
    both = {"anthropic-beta": "a-2025-01-01, b-2025-11-20"}
    if left == "a-2025-01-01,b-2025-11-20":
        # What is quoted teaches nothing: the refusal stands.
        assert proxy.post(message(stream=True), both).status == 400
        return
    for _ in range(2):
        answer = proxy.post(message(stream=True), both)
        assert answer.status == 200 and answer.header("x-claude-proxy-dropped") == "anthropic-beta"
    # Of a refusal that names none no other client is to suffer.
    first = "a-2025-01-01, b-2025-11-20"
    assert [request.header("anthropic-beta") for request in upstream.requests] == (
        [first, left, left] if left else [first, left, first, left])


@pytest.mark.parametrize("named", ["context-management-2025-06-27", "c-2025-01-01"])
def test_a_refusal_of_a_beta_that_nobody_has_named_changes_nothing(upstream, start, named):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    words = f"Unexpected value(s) `{named}` for the `anthropic-beta` header"
    error = {"type": "invalid_request_error", "message": words}
    upstream.always(answers.whole(400, {"type": "error", "error": error}))
    asked = message(context_management={"edits": []})
    answer = proxy.post(asked, {"anthropic-beta": "a-2025-01-01, b-2025-11-20"})
    assert answer.status == 400 and answer.header("x-claude-proxy-dropped") is None
    assert len(upstream.requests) == 1
    # Nor is a lesson about others' betas told to those who name none.
    upstream.always(lambda request: telling("Hi") if not request.header("anthropic-beta")
                    else answers.whole(400, {"type": "error", "error": error}))
    assert proxy.post(message(stream=True), {"anthropic-beta": named}).status == 200
    plain = proxy.post(message(stream=True, context_management={"edits": []}))
    assert plain.status == 200 and plain.header("x-claude-proxy-dropped") is None
    assert "context_management" in upstream.requests[-1].json


def test_one_message_is_relayed_whole(upstream, start):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    body = {
        "id": "msg_upstream", "type": "message", "role": "assistant", "model": "a/b",
        "content": [{"type": "odd", "x": [1.50]}, {"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn", "stop_sequence": None, "new": {"a": 1},
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    upstream.will(answers.whole(200, body))
    answer = proxy.post(message())
    assert answer.json == {**body, "model": "claude-sonnet-4-5-20250929"}
    assert "stream" not in upstream.request().json
    record = proxy.wait_for_records(1)[0]
    assert record["input_tokens"] == 3 and record["output_tokens"] == 4


@pytest.mark.parametrize("status,kind,expected", [
    (400, "invalid_request_error", 400), (429, "rate_limit_error", 429),
    (529, "overloaded_error", 529), (404, "not_found_error", 404),
])
@pytest.mark.parametrize("is_streamed", [True, False])
def test_an_error_keeps_its_status(upstream, start, status, kind, expected, is_streamed):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    error = {"type": kind, "message": "the reason"}
    upstream.always(answers.whole(status, {"type": "error", "error": error, "request_id": "req_x"}))
    answer = proxy.post(message(stream=is_streamed))
    assert answer.status == expected and answer.error["type"] == kind
    assert "the reason" in answer.error["message"]


def test_a_stream_that_breaks_off_ends_with_an_error(upstream, start):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    whole = telling("Hel", "lo")
    upstream.will([*whole[:4], answers.STREAM_END])
    last = proxy.post(message(stream=True)).events[-1]
    assert last["type"] == "error"
    # Before any content it is asked again.
    error = {"error": {"type": "api_error", "message": "busy", "code": 503}}
    upstream.will(
        [*whole[:2], dialects.named("error", error), answers.STREAM_END], telling("Hi"))
    assert text_of(proxy.post(message(stream=True)).events) == "Hi"


def test_a_client_that_leaves_ends_the_relay(upstream, start):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    upstream.will([*telling("Hel", "lo")[:4], UNTIL_LEFT])
    client = proxy.connect()
    client.begin(message(stream=True))
    client.response_head()
    client.close()
    assert upstream.request().left.wait(DEADLINE)


def test_a_base_that_ends_in_anthropic_is_asked_by_messages(upstream, start):
    base = upstream.url.removesuffix("/api/v1") + "/anthropic"
    proxy = start(url=base, UPSTREAM_PROFILE="deepseek", OPENROUTER_MODEL="deepseek-v4")
    upstream.will(telling("Hi"))
    body = message(stream=True, tools=[{"type": "custom", **TOOL}])
    assert text_of(proxy.post(body).events) == "Hi"
    asked = upstream.request()
    assert asked.path == "/anthropic/v1/messages" and asked.header("anthropic-version")
    assert asked.json["tools"] == [TOOL]


def test_tokens_are_counted_by_an_upstream_that_does(upstream, start):
    base = upstream.url.removesuffix("/api/v1")
    proxy = start(url=base, UPSTREAM_API="messages", UPSTREAM_PROFILE="anthropic",
                  OPENROUTER_MODEL="claude-opus-5",
                  WORKERS="1")  # each worker finds out by itself
    upstream.will(answers.whole(200, {"input_tokens": 4711}), answers.whole(404, {}), telling("Hi"))
    path = "/v1/messages/count_tokens?beta=true"
    for number in range(3):
        tokens = proxy.post(message(), {"anthropic-beta": "b"}, path=path).json["input_tokens"]
        assert (tokens == 4711) == (number == 0)
    asked = upstream.request()
    assert asked.path == path and asked.header("anthropic-beta") == "b"
    assert asked.header("x-api-key") == KEY and asked.json["model"] == "claude-opus-5"
    assert len(upstream.requests) == 2, "what is not there is not asked for again"
    # The same handle asks for messages again.
    assert text_of(proxy.post(message(stream=True)).events) == "Hi"
    assert upstream.request(2).path == "/v1/messages"


def test_tokens_are_counted_here(upstream, start):
    proxy = start(UPSTREAM_API="messages", OPENROUTER_MODEL="a/b")
    counted = proxy.post(message(), path="/v1/messages/count_tokens").json["input_tokens"]
    chat = start(OPENROUTER_MODEL="a/b")
    assert counted == chat.post(message(), path="/v1/messages/count_tokens").json["input_tokens"]
    assert upstream.requests == []


def test_the_list_of_models_has_the_api_of_its_upstream(upstream, start):
    base = upstream.url.removesuffix("/api/v1") + "/anthropic"
    upstream.always(answers.whole(200, {"data": [{"id": "claude-opus-4-6", "type": "model"}]}))
    start(url=base, UPSTREAM_PROFILE="anthropic", MODELS_REFRESH="1h")
    asked = upstream.request()
    assert asked.path == "/anthropic/v1/models" and asked.header("anthropic-version")
    assert asked.header("x-api-key") == KEY
