"""Recorded streams of the Responses API and of the Messages API, through the binary: legal, the same
however they are cut, the same with and without streaming."""

import json

import pytest

import anthropic_stream
from recordings import recordings
from test_recorded_streams import comparable, outcome_of, playing, splits

RESPONSES = {"openai": "openai", "xai": "xai", "openrouter": "openrouter", "deepseek": "deepseek"}
# What Anthropic's streams have besides, and clients of those who asked for it know.
NEW_REASONS = {"pause_turn", "compaction", "model_context_window_exceeded"}


class Reading:
    """A reading that knows nothing: what is compared are two answers of ours."""

    usage = True


def events_of(data):
    """The names and values of a stream's events, by lines alone."""
    found = []
    for block in data.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")]
        if lines and lines[0] != b"[DONE]":
            found.append(b"\n".join(lines))
    return found


@pytest.mark.parametrize("path", recordings("streams/responses/*.sse"))
def test_a_recorded_response_is_the_same_however_it_comes(upstream, start, path):
    data = path.read_bytes()
    kind = next((RESPONSES[one] for one in RESPONSES if path.name.startswith(one)), "generic")
    proxy = start(UPSTREAM_API="responses", UPSTREAM_PROFILE=kind, OPENROUTER_MODEL="a/b")
    ended = json.loads(events_of(data)[-1])
    names = {
        item["name"] for item in ended.get("response", {}).get("output", [])
        if item["type"] == "function_call"}
    body = {
        "model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "Go on."}],
        "tools": [{"name": name, "input_schema": {"type": "object"}} for name in sorted(names)]}
    if not names:
        del body["tools"]
    outcomes = []
    for pieces in splits(data):
        for stream in [True, False]:
            upstream.always(playing(pieces))
            response = proxy.post({**body, "stream": stream})
            outcomes.append(outcome_of(response))
            assert response.status == 200 or outcomes[-1].error
    first = comparable(outcomes[0], Reading)
    assert all(comparable(one, Reading) == first for one in outcomes)
    assert outcomes[0].content or outcomes[0].error
    assert {call["name"] for call in outcomes[0].calls} == names


@pytest.mark.parametrize("path", recordings("streams/native/*.sse"))
def test_a_recorded_message_goes_on_as_it_is(upstream, start, path):
    data = path.read_bytes()
    proxy = start(
        UPSTREAM_API="messages", UPSTREAM_PROFILE="anthropic", OPENROUTER_MODEL="a/b",
        REPORT_MODEL="upstream")
    body = {
        "model": "m", "max_tokens": 4000, "stream": True,
        "messages": [{"role": "user", "content": "Go on."}]}
    for pieces in splits(data):
        upstream.always(playing(pieces))
        response = proxy.post(body)
        assert response.status == 200
        assert events_of(response.body) == events_of(data)
    values = [json.loads(event) for event in events_of(response.body)]
    assert values[-1]["type"] == "message_stop"
    record = proxy.wait_for_records(1)[0]
    last = [value["usage"] for value in values if value["type"] == "message_delta"][-1]
    assert record["output_tokens"] == last["output_tokens"]
    reason = [value["delta"] for value in values if value["type"] == "message_delta"][-1]
    assert reason["stop_reason"] in anthropic_stream.REASONS | NEW_REASONS
