"""The demonstration's upstream speaks all three APIs, and what it simulates comes out the same by each."""

import json

import pytest

from support.client import Client, message, parse_events
from support.demo import Demo

APIS = ["chat", "responses", "messages"]
TOOLS = [{"name": "read_file", "input_schema": {
    "type": "object", "properties": {"path": {"type": "string"}}}}]
LOREM = "Lorem ipsum dolor."


@pytest.fixture(scope="module", params=APIS)
def demo(request, tmp_path_factory):
    socket = tmp_path_factory.mktemp("demo") / "socket"
    settings = {"CLAUDE_PROXY_UPSTREAM_API": request.param}
    with Demo(socket.parent, "--listen", f"unix:{socket}", **settings) as demo:
        demo.api, demo.socket = request.param, socket
        yield demo


def ask(demo, model, stream, **more):
    with Client(str(demo.socket)) as client:
        return client.post(message(stream, model=model, tools=TOOLS, **more))


def outcome(demo, model, stream, **more):
    """Blocks, stop reason and error of an answer, streamed or not."""
    response = ask(demo, model, stream, **more)
    if response.status != 200:
        return [], None, response.error["type"]
    if not stream:
        whole = json.loads(response.body)
        return [shape(block) for block in whole["content"]], whole["stop_reason"], None
    blocks, stop_reason, error = [], None, None
    for data in parse_events(response.body):
        if data["type"] == "content_block_start":
            blocks.append({**data["content_block"], "json": ""})
        elif data["type"] == "content_block_delta":
            delta = data["delta"]
            for name, member in [("text", "text"), ("thinking", "thinking"), ("partial_json", "json")]:
                if name in delta:
                    blocks[data["index"]][member] += delta[name]
        elif data["type"] == "message_delta":
            stop_reason = data["delta"]["stop_reason"]
        elif data["type"] == "error":
            error = data["error"]["type"]
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["json"] or "{}")
    return [shape(block) for block in blocks], stop_reason, error


def shape(block):
    kind = block["type"]
    return kind, (block["name"], block["input"]) if kind == "tool_use" else block[kind]


def text(value):
    return [("text", value)]


SCENARIOS = {
    "sim/echo": (text("one two three"), "end_turn", None),
    "sim/reasoning": ([("thinking", "thought 1 thought 2 thought 3 "), ("text", "answer")],
                      "end_turn", None),
    "sim/tool": ([("tool_use", ("read_file", {}))], "tool_use", None),
    "sim/parallel-tools": ([("tool_use", ("read_file", {"call": 0})),
                            ("tool_use", ("read_file", {"call": 1}))], "tool_use", None),
    "sim/length": (text(LOREM), "max_tokens", None),
    "sim/content-filter": (text(LOREM), "refusal", None),
    "sim/comments;delay=1ms": (text(LOREM), "end_turn", None),
    "sim/error;status=429": ([], None, "rate_limit_error"),
    "sim/error-in-200": ([], None, "api_error"),
    "sim/reset": ([], None, "api_error"),
    "sim/no-such": ([], None, "invalid_request_error"),
}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("model", SCENARIOS)
def test_what_is_simulated_comes_out_the_same_by_each_api(demo, model, stream):
    prompt = [{"role": "user", "content": "one two three"}]
    assert outcome(demo, model, stream, messages=prompt) == SCENARIOS[model]


@pytest.mark.parametrize("model", ["sim/midstream-error", "sim/cut", "sim/truncated"])
def test_what_breaks_off_is_told_after_what_has_come(demo, model):
    blocks, stop_reason, error = outcome(demo, model, True)
    assert (blocks, stop_reason, error) == (text("piece 1 piece 2 piece 3 "), None, "api_error")


def test_a_tool_is_called_and_its_result_answered(demo):
    """A whole turn, with what the first answer was put back into the second request."""
    question = {"role": "user", "content": "read it"}
    first = json.loads(ask(demo, "sim/tool", False, messages=[question]).body)
    call = first["content"][-1]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "42 lines"}
    history = [question, {"role": "assistant", "content": first["content"]},
               {"role": "user", "content": [result]}]
    blocks, stop_reason, _ = outcome(demo, "sim/tool", True, messages=history)
    assert (blocks, stop_reason) == (text("The tool answered: 42 lines"), "end_turn")


def test_the_first_look_says_which_way_it_has_come(demo):
    blocks, _, _ = outcome(demo, "claude-sonnet-4-5", True)
    words = blocks[0][1]
    assert words.startswith("Hello! This is a demonstration")
    assert ("speaks the same API" in words) == (demo.api == "messages")
