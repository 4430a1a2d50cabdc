"""The official Python client against the proxy."""

import asyncio
import json
from threading import Event

import anthropic
import pytest

from support import answers
from support.answers import calling, failing, saying
from support.upstream import Wait

# The client warns of models that Anthropic will retire. Whatever the id, it is ours to map.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")

MODEL = "claude-sonnet-4-5"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def test_a_message_is_created(upstream, client):
    usage = {**answers.USAGE, "prompt_tokens_details": {"cached_tokens": 4}}
    upstream.will(saying("Hel", "lo", usage=usage))
    message = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    assert message.content[0].type == "text" and message.content[0].text == "Hello"
    assert (message.role, message.type, message.stop_reason) == ("assistant", "message", "end_turn")
    assert message.model == "claude-sonnet-4-5-20250929"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (8, 5)
    assert message.usage.cache_read_input_tokens == 4
    assert message.id.startswith("msg_") and message._request_id.startswith("req_")


def test_a_message_is_streamed(upstream, client):
    upstream.will(saying("Hel", "lo", finish="length"))
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        assert list(stream.text_stream) == ["Hel", "lo"]
        message = stream.get_final_message()
    assert message.content[0].text == "Hello" and message.stop_reason == "max_tokens"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (12, 5)


def test_pings_do_not_disturb_a_stream(upstream, start):
    proxy = start(STATUS_HOLD="50ms", PING_INTERVAL="50ms")
    client = anthropic.Anthropic(base_url=proxy.url, api_key="unused", max_retries=0)
    go_on = Event()
    upstream.will([answers.STREAM_HEAD, Wait(go_on), *saying("Hello")[1:]])
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        # The status is here, and so a ping is.
        go_on.set()
        assert stream.get_final_text() == "Hello"
    client.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_goes_back(upstream, client, stream):
    upstream.will(
        calling("weather", '{"city": "Köln"}', call_id="functions.weather:0", pieces=5),
        saying("It rains."),
    )

    def ask(messages):
        arguments = {
            "model": MODEL, "max_tokens": 100, "messages": messages, "tools": [WEATHER]}
        if not stream:
            return client.messages.create(**arguments)
        with client.messages.stream(**arguments) as events:
            return events.get_final_message()

    first = ask(HELLO)
    call = first.content[-1]
    assert first.stop_reason == "tool_use"
    assert (call.type, call.name, call.input) == ("tool_use", "weather", {"city": "Köln"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain, 8 degrees"}
    second = ask([
        *HELLO, {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ])
    assert second.content[0].text == "It rains."
    _, sent_call, sent_result = upstream.request(1).json["messages"]
    # The upstream gets its own identifier back, which Anthropic's clients would not have taken.
    assert sent_call["tool_calls"][0]["id"] == "functions.weather:0"
    function = sent_call["tool_calls"][0]["function"]
    assert json.loads(function["arguments"]) == {"city": "Köln"}
    assert sent_result["role"] == "tool" and sent_result["content"] == "rain, 8 degrees"
    assert sent_result["tool_call_id"] == "functions.weather:0"


@pytest.mark.parametrize("stream", [False, True])
def test_the_tool_runner_does_without_threads(upstream, client, proxy, stream):
    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: Its name.
        """
        return f"rain in {city}"

    upstream.will(
        calling("weather", '{"city": "Köln"}', call_id="call_köln", pieces=3), saying("It rains."))
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=100, messages=HELLO, tools=[weather], stream=stream)
    messages = [one.get_final_message() for one in runner] if stream else list(runner)
    assert [one.stop_reason for one in messages] == ["tool_use", "end_turn"]
    assert messages[1].content[0].text == "It rains."
    # The threaded attempt was refused here, once; both turns came with the whole conversation.
    refusals = [one for one in proxy.wait_for_records(3) if one["outcome"] == "failed"]
    assert [(one["status"], one["error_type"]) for one in refusals] == [
        (400, "invalid_request_error")]
    assert len(upstream.requests) == 2
    question, call, result = upstream.request(1).json["messages"]
    assert (question["content"], result["content"]) == ("Hello", "rain in Köln")
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call_köln"
    assert upstream.request(1).json["tools"] == upstream.request(0).json["tools"]


def test_a_thread_is_refused_as_the_client_expects_it(upstream, client):
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(
            model=MODEL, max_tokens=10, messages=HELLO, extra_body={"thread": {"type": "create"}})
    assert caught.value.body["error"]["details"] == {
        "error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert not upstream.requests


def test_thinking_goes_back_to_where_it_came_from(upstream, client):
    details = [
        {"type": "reasoning.text", "text": "Let me ", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "think.", "signature": "sig==",
         "format": "anthropic-claude-v1", "index": 0},
    ]
    upstream.will([
        answers.STREAM_HEAD,
        *[answers.piece({"reasoning": one["text"], "reasoning_details": [one]}) for one in details],
        *saying("Hello")[1:],
    ], saying("Again"))
    arguments = {
        "model": "anthropic/claude-sonnet-4.5", "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 2000}}
    with client.messages.stream(messages=HELLO, **arguments) as stream:
        first = stream.get_final_message()
    thinking, text = first.content
    assert (thinking.type, thinking.thinking) == ("thinking", "Let me think.")
    assert thinking.signature and text.text == "Hello"
    client.messages.create(
        messages=[*HELLO, {"role": "assistant", "content": first.content},
                  {"role": "user", "content": "Again"}], **arguments)
    sent = upstream.request(1).json["messages"][1]
    back = sent["reasoning_details"]
    assert "".join(one.get("text", "") for one in back) == "Let me think."
    assert [one["signature"] for one in back if one.get("signature")] == ["sig=="]
    assert thinking.signature not in json.dumps(upstream.request(1).json)


def test_tokens_are_counted(client):
    count = client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be brief.")
    # With what the model's template says around them.
    assert 10 <= count.input_tokens <= 120


def test_models_are_listed_and_retrieved(client):
    models = list(client.models.list())
    assert models and all(model.type == "model" and model.display_name for model in models)
    for model in models:
        assert client.models.retrieve(model.id).id == model.id
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nothing")


@pytest.mark.parametrize(("upstream_status", "metadata", "error"), [
    (400, None, anthropic.BadRequestError),
    (401, None, anthropic.InternalServerError),
    # Moderation: a 400 of its own type, as Claude Code reads 403 as a wrong key.
    (403, {"reasons": ["violence"]}, anthropic.BadRequestError),
    (404, None, anthropic.NotFoundError),
    (429, None, anthropic.RateLimitError),
    (500, None, anthropic.InternalServerError),
    (503, None, anthropic.APIStatusError),
])
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_their_class(upstream, client, upstream_status, metadata, error, stream):
    upstream.always(failing(upstream_status, "the reason", metadata=metadata))
    with pytest.raises(error) as caught:
        client.messages.create(model=MODEL, max_tokens=10, messages=HELLO, stream=stream)
    assert "the reason" in str(caught.value)
    assert caught.value.request_id.startswith("req_")
    if upstream_status == 503:
        assert caught.value.status_code == 529


def test_a_wrong_token_is_an_authentication_error(start):
    proxy = start(CLIENT_TOKENS="a-token")
    for good, arguments in [
        (True, {"api_key": "a-token"}), (True, {"auth_token": "a-token", "api_key": None}),
        (False, {"api_key": "wrong"}),
    ]:
        with anthropic.Anthropic(base_url=proxy.url, max_retries=0, **arguments) as client:
            if good:
                assert list(client.models.list())
                continue
            with pytest.raises(anthropic.AuthenticationError):
                client.models.list()


def test_an_error_in_a_stream_is_raised(upstream, client):
    error = {"code": 503, "message": "busy"}
    upstream.will([
        answers.STREAM_HEAD, *answers.text("Hel"), answers.event({"choices": [], "error": error}),
        answers.STREAM_END])
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        with pytest.raises(anthropic.APIStatusError) as caught:
            stream.get_final_message()
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_the_client_retries_what_is_worth_it(upstream, proxy):
    upstream.will(failing(429, Retry_After="0"), saying("Hello"))
    with anthropic.Anthropic(base_url=proxy.url, api_key="unused", max_retries=1) as client:
        message = client.messages.create(model=MODEL, max_tokens=10, messages=HELLO)
    assert message.content[0].text == "Hello"


def test_20_streams_at_once(upstream, proxy):
    def script(request):
        name = request.json["messages"][0]["content"]
        return saying(*[f"{name}-{number} " for number in range(20)])

    upstream.always(script)

    async def one(client, name):
        messages = [{"role": "user", "content": name}]
        async with client.messages.stream(
            model=MODEL, max_tokens=100, messages=messages
        ) as stream:
            return await stream.get_final_text()

    async def all_of_them():
        async with anthropic.AsyncAnthropic(
            base_url=proxy.url, api_key="unused", max_retries=0
        ) as client:
            return await asyncio.gather(*[one(client, f"s{index}") for index in range(20)])

    for index, text in enumerate(asyncio.run(all_of_them())):
        assert text == "".join(f"s{index}-{number} " for number in range(20))
