"""Recorded streams of real upstreams, through the binary, against a naive reading of their bytes.

Each is played whole, byte by byte and in odd pieces, to a client that wants a stream and to one that
does not. The answer goes back as history through another proxy: what the upstream gave must reach it
again as it was.
"""

import json
import random

import pytest

import anthropic_stream
import chat_stream
import openai_request
from recordings import recordings
from support import answers
from support.answers import chunked, saying

PROFILES = {
    # Google's shape.
    "synthetic-tool-missing-index-whole": "google",
    "or-": "openrouter", "openai-": "openai", "azure-": "azure", "deepseek-": "deepseek",
    "groq-": "groq", "mistral-": "mistral", "moonshot-": "moonshot", "ollama-": "ollama",
    "llamacpp-": "llama.cpp", "vllm-": "vllm", "synthetic-": "openrouter",
}
TAG_READERS = {"vllm", "llama.cpp", "ollama", "generic"}
# Where a profile wants its own words back.
REASONING_FIELDS = {
    "deepseek": "reasoning_content", "moonshot": "reasoning_content",
    "llama.cpp": "reasoning_content", "ollama": "reasoning", "groq": "reasoning",
    "vllm": "reasoning",
}
BYTEWISE_MAX = 64 << 10
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def profile_of(path):
    return next((PROFILES[one] for one in PROFILES if path.name.startswith(one)), "generic")


def model_of(path):
    request = path.with_suffix(".request.json")
    return json.loads(request.read_text())["model"] if request.exists() else "vendor/model"


def bytewise(data):
    return [data[index:index + 1] for index in range(len(data))]


def odd_pieces(data):
    """Pieces that end where it hurts: within characters, escapes and line ends."""
    chance, position, pieces = random.Random(len(data)), 0, []
    while position < len(data):
        size = chance.choice([1, 2, 3, 5, 17, 64, 257, 4096])
        pieces.append(data[position:position + size])
        position += size
    return pieces


def playing(pieces):
    """A script that sends the body in these pieces, each in a chunk of its own."""
    return [answers.STREAM_HEAD, b"".join(chunked(piece) for piece in pieces), answers.STREAM_END]


def splits(data):
    yield [data]
    yield bytewise(data) if len(data) <= BYTEWISE_MAX else odd_pieces(data)
    yield odd_pieces(data)


def question(path, reading, **more):
    """A request that could have led to the stream."""
    names = sorted({call.name for call in reading.calls})
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in names]
    if reading.citations and profile_of(path) == "openrouter":
        tools.append(SEARCH)
    return {
        "model": model_of(path), "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Go on."}],
        **({"tools": tools} if tools else {}), **more,
    }


def start_for(start, path):
    return start(
        UPSTREAM_PROFILE=profile_of(path), OPENROUTER_MODEL=model_of(path),
        MODEL_MAP=f"*={model_of(path)}")


def outcome_of(response):
    if response.header("content-type").startswith("text/event-stream"):
        return anthropic_stream.follow(response.events)
    return anthropic_stream.whole(response.json)


def check(reading, outcome):
    assert outcome.joined("text", "text") == reading.text
    assert outcome.joined("thinking", "thinking") == reading.thinking
    assert [call["name"] for call in outcome.calls] == [call.name for call in reading.calls]
    assert [call["input"] for call in outcome.calls] == [
        call.input or {} for call in reading.calls]
    assert outcome.stop["stop_reason"] == reading.stop_reason
    if reading.usage:
        usage = outcome.usage
        assert reading.tokens == (
            usage["input_tokens"], usage["cache_read_input_tokens"],
            usage["cache_creation_input_tokens"], usage["output_tokens"])
    found = [block for block in outcome.content if block["type"] == "web_search_tool_result"]
    if found:
        assert [one["url"] for one in found[0]["content"]] == reading.citations


def comparable(outcome, reading):
    """An outcome without what is made up anew for every answer, or depends on its time: the
    prompt's tokens where the upstream tells none, exact if they were counted before the end."""
    usage = outcome.usage
    if usage and not reading.usage:
        usage = {**usage, "input_tokens": 0}
    text = json.dumps([outcome.content, outcome.stop, usage, outcome.error])
    made = [block["id"] for block in outcome.content if "id" in block]
    for number, one in enumerate(made):
        text = text.replace(one, f"id-{number}")
    return json.loads(text)


@pytest.mark.parametrize("path", recordings("streams/*.sse"))
def test_a_recorded_stream_comes_out_as_it_went_in(upstream, start, path):
    data = path.read_bytes()
    reading = chat_stream.read(data, with_think_tags=profile_of(path) in TAG_READERS)
    proxy = start_for(start, path)
    outcomes = []
    for pieces in splits(data):
        for stream in [True, False]:
            upstream.always(playing(pieces))
            response = proxy.post(question(path, reading, stream=stream))
            outcome = outcome_of(response)
            assert (response.status == 200) or outcome.error
            outcomes.append(outcome)
    first = outcomes[0]
    if reading.is_whole:
        for outcome in outcomes:
            assert outcome.error is None, outcome.error
            check(reading, outcome)
            assert comparable(outcome, reading) == comparable(first, reading)
    elif reading.is_empty and not reading.has_failed and reading.native is None:
        # Asked twice, the upstream has nothing to say: Anthropic's own answer to that is legal too.
        assert all(outcome.content == [] for outcome in outcomes)
    else:
        for outcome in outcomes:
            assert outcome.error and not outcome.stop, "a broken answer passed for a whole one"
            assert outcome.error["type"] == first.error["type"]


# MARK: Back again


def joined(details):
    """Items of reasoning with their pieces put together, as a response without a stream has them."""
    items = []
    for one in details:
        last = items[-1] if items else {}
        text = "summary" if one["type"] == "reasoning.summary" else "text"
        if (
            one["type"] == last.get("type") != "reasoning.encrypted" and not last.get("signature")
            and one.get("index", last.get("index")) == last.get("index")
            and one.get("id") in (None, last.get("id")) and one.get("format", last.get(
                "format")) == last.get("format")
        ):
            last[text] = last.get(text, "") + (one.get(text) or "")
            last.update({
                name: value for name, value in one.items() if name not in (text,) and value})
        else:
            items.append(dict(one))
    return [{name: value for name, value in one.items() if value is not None} for one in items]


@pytest.mark.parametrize("path", recordings("streams/*.sse"))
def test_a_recorded_stream_goes_back_as_it_came(upstream, start, path):
    data = path.read_bytes()
    profile = profile_of(path)
    reading = chat_stream.read(data, with_think_tags=profile in TAG_READERS)
    if not reading.is_whole or reading.is_empty:
        pytest.skip("there is no answer to go back")
    upstream.will(playing([data]), saying("Well."))
    message = start_for(start, path).post(question(path, reading)).json
    # Another process, which knows nothing but what the client sends.
    history = question(path, reading)
    history["messages"] += [
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [
            *[{"type": "tool_result", "tool_use_id": block["id"], "content": "done"}
              for block in message["content"] if block["type"] == "tool_use"],
            {"type": "text", "text": "And now?"}]},
    ]
    assert start_for(start, path).post(history).status == 200
    sent = upstream.request(1).json
    assert not (found := openai_request.faults(sent, profile)), found
    answers_sent = [one for one in sent["messages"] if one["role"] == "assistant"]
    if not reading.text and not reading.calls:
        # Servers refuse a message of nothing but reasoning.
        assert answers_sent == []
        return
    [back] = answers_sent
    calls = back.get("tool_calls", [])
    assert [call["function"]["name"] for call in calls] == [call.name for call in reading.calls]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [
        call.input or {} for call in reading.calls]
    assert [call.get("extra_content") for call in calls] == [call.extra for call in reading.calls]
    if profile != "mistral":
        ids = [call.id for call in reading.calls]
        for call, id in zip(calls, ids):
            if id and ids.count(id) == 1:
                assert call["id"] == id
    family_wants_proof = "claude" in model_of(path) or "gemini" in model_of(path)
    expected = [
        one for one in joined(reading.details)
        if not family_wants_proof or one["type"] != "reasoning.text" or one.get("signature")]
    if profile == "openrouter" and expected:
        assert joined(back["reasoning_details"]) == expected
    elif profile in REASONING_FIELDS and reading.thinking and calls:
        assert back[REASONING_FIELDS[profile]].strip() == reading.thinking.strip()
