"""A real upstream: llama.cpp's own server, with a tiny model of random weights.

The model is made when the tests begin. What it says is babble, but how it is said is llama.cpp's:
its chunks, its usage, its broken UTF-8, its grammars for schemas and tools.
"""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import anthropic
import pytest

from support import DEADLINE

MODEL = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Hello"}]
CITIES = ["Rome", "Oslo"]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": CITIES}},
    "required": ["city"],
    "additionalProperties": False,
}
HERE = Path(__file__).parent / "llama"


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """The address of the server."""
    directory = tmp_path_factory.mktemp("llama")
    model = directory / "tiny.gguf"
    subprocess.run([sys.executable, HERE / "tiny_model.py", model], check=True, timeout=60)
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, HERE / "serve.py", model], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        words = server.stdout.readline().split()
        assert words[:2] == ["listening", "on"], (directory / "log").read_text()
        yield words[2]
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def proxy(start, llama):
    return start(url=f"{llama}/v1", UPSTREAM_PROFILE="llama.cpp", OPENROUTER_API_KEY=None)


def at(temperature):
    """The client's version 2 has no name for it any more."""
    return {"extra_body": {"temperature": temperature}}


def ask(client, stream, **arguments):
    arguments = {"model": MODEL, "max_tokens": 300, "messages": HELLO, **arguments}
    if not stream:
        return client.messages.create(**arguments)
    with client.messages.stream(**arguments) as events:
        return events.get_final_message()


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("stream", [False, True])
def test_babble_comes_with_its_usage(client, stream):
    message = ask(client, stream, **at(1.0))
    assert message.stop_reason in ("end_turn", "max_tokens")
    assert text_of(message)
    # The template's words and the question, a token for each byte.
    assert 10 <= message.usage.input_tokens <= 40
    if message.stop_reason == "max_tokens":
        assert message.usage.output_tokens == 300
    assert 1 <= message.usage.output_tokens <= 300


def test_a_stream_says_what_a_message_says(client):
    messages = [ask(client, stream, **at(0.0)) for stream in [False, True]]
    assert text_of(messages[0]) == text_of(messages[1]) != ""
    assert messages[0].usage.output_tokens == messages[1].usage.output_tokens
    assert messages[0].stop_reason == messages[1].stop_reason


def test_broken_characters_survive(client, llama):
    body = json.dumps(
        {"messages": HELLO, "stream": True, "max_tokens": 300, "temperature": 1.0}).encode()
    with urllib.request.urlopen(f"{llama}/v1/chat/completions", body, DEADLINE) as response:
        lines = response.read().decode().split("\n")
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    said = "".join(
        choice["delta"].get("content") or "" for one in chunks for choice in one["choices"])
    # What llama.cpp writes for bytes that are no UTF-8.
    assert "\ufffd" in said
    for stream in [False, True]:
        assert text_of(ask(client, stream, **at(1.0))) == said


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_keeps_to_a_schema(client, stream):
    message = ask(
        client, stream, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert message.stop_reason == "end_turn"
    assert json.loads(text_of(message))["city"] in CITIES


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_is_taken(client, stream):
    tool = {"name": "weather", "description": "The weather.", "input_schema": SCHEMA}
    first = ask(
        client, stream, tools=[tool], max_tokens=2000,
        tool_choice={"type": "tool", "name": "weather"})
    calls = [block for block in first.content if block.type == "tool_use"]
    # The grammar allows any number of calls. What comes after the first may be cut.
    assert calls and first.stop_reason in ("tool_use", "max_tokens")
    whole = calls if first.stop_reason == "tool_use" else calls[:-1]
    assert whole
    for call in whole:
        assert call.name == "weather" and call.input["city"] in CITIES
    assert len({call.id for call in calls}) == len(calls)
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": "rain"} for call in calls]
    second = ask(client, stream, max_tokens=20, messages=[
        *HELLO, {"role": "assistant", "content": first.content},
        {"role": "user", "content": results},
    ])
    # All of them are in the prompt, which is longer than the first one without its tools.
    assert second.usage.input_tokens > 20 + len("rain") * len(calls)


def test_a_context_that_is_too_long_is_told_as_claude_code_knows_it(client):
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(client, True, messages=[{"role": "user", "content": "word " * 8000}])
    assert "prompt is too long" in str(caught.value)
    assert "16384" in str(caught.value)


def test_the_server_is_free_when_the_client_leaves(client, proxy, llama):
    def busy():
        with urllib.request.urlopen(f"{llama}/slots", timeout=DEADLINE) as response:
            return [slot for slot in json.load(response) if slot["is_processing"]]

    # At temperature 0 the model repeats itself until it must stop.
    with client.messages.stream(
        model=MODEL, max_tokens=16000, messages=HELLO, **at(0.0)
    ) as stream:
        for _ in zip(range(5), stream.text_stream):
            pass
    [record] = proxy.wait_for_records(1)
    assert record["outcome"] == "cancelled"
    end = time.monotonic() + DEADLINE
    while busy() and time.monotonic() < end:
        time.sleep(0.01)
    assert not busy()
    assert ask(client, True, max_tokens=5).usage.output_tokens <= 5
