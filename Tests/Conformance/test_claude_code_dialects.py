"""Claude Code before upstreams of the Responses API and of the Messages API: tools, reasoning that goes
back, sub-agents, a context that is full."""

import json

import pytest

from support import answers, dialects
from support.answers import STREAM_HEAD
from support.dialects import block, call, reasoning, responding, text
from test_claude_code import Session, pytestmark  # noqa: F401

COMMAND = {"command": "echo hi-$((40+2))", "description": "Say hi"}
AGENT = {"description": "Look", "prompt": "Look at it.", "subagent_type": "general-purpose",
         "run_in_background": False}


class Responses:
    """A model behind the Responses API."""

    settings = {
        "UPSTREAM_API": "responses", "UPSTREAM_PROFILE": "openai", "OPENROUTER_MODEL": "gpt-5.6"}

    @staticmethod
    def has_tool(request, name):
        return any(tool.get("name") == name for tool in request.json.get("tools", []))

    @staticmethod
    def results(request):
        return [
            json.dumps(item["output"]) for item in request.json["input"]
            if item["type"] == "function_call_output"]

    @staticmethod
    def calling(name, value):
        return responding(reasoning("A plan.", "ENCRYPTED"), call(name, json.dumps(value)))

    @staticmethod
    def saying(words):
        return responding(text(words))

    @staticmethod
    def has_thought(request):
        items = request.json["input"]
        kinds = [item["type"] for item in items]
        index = kinds.index("function_call")
        return kinds[index - 1] == "reasoning" and (
            items[index - 1]["encrypted_content"] == "ENCRYPTED")


class Messages:
    """A model behind the Messages API."""

    settings = {
        "UPSTREAM_API": "messages", "UPSTREAM_PROFILE": "anthropic",
        "OPENROUTER_MODEL": "claude-opus-4-6"}
    # As long as Anthropic's own; theirs are protobuf in base64.
    SIGNATURE = "EqQBCkYIBxgCKkD" + "A" * 200

    @staticmethod
    def has_tool(request, name):
        return any(tool.get("name") == name for tool in request.json.get("tools", []))

    @staticmethod
    def blocks(request, kind):
        return [
            one for message in request.json["messages"] if isinstance(message["content"], list)
            for one in message["content"] if one["type"] == kind]

    @classmethod
    def results(cls, request):
        return [json.dumps(one["content"]) for one in cls.blocks(request, "tool_result")]

    @classmethod
    def calling(cls, name, value):
        return [
            STREAM_HEAD, dialects.start(),
            *block(0, {"type": "thinking_delta", "thinking": "A plan."},
                   {"type": "signature_delta", "signature": cls.SIGNATURE},
                   type="thinking", thinking="", signature=""),
            *block(1, {"type": "input_json_delta", "partial_json": json.dumps(value)},
                   type="tool_use", id="toolu_1", name=name, input={}),
            *dialects.end("tool_use"),
        ]

    @staticmethod
    def saying(words):
        return [
            STREAM_HEAD, dialects.start(),
            *block(0, {"type": "text_delta", "text": words}, type="text", text=""),
            *dialects.end()]

    @classmethod
    def has_thought(cls, request):
        return [(one["thinking"], one["signature"]) for one in cls.blocks(request, "thinking")] == [
            ("A plan.", cls.SIGNATURE)]


@pytest.fixture(params=[Responses, Messages], ids=["responses", "messages"])
def model(request):
    return request.param


@pytest.fixture
def session(model, start, tmp_path):
    return Session(start(**model.settings), tmp_path)


def asked(model, upstream):
    return [request for request in upstream.requests if model.has_tool(request, "Bash")]


def test_it_runs_a_command_and_gives_the_reasoning_back(model, upstream, session):
    def script(request):
        if not model.has_tool(request, "Bash"):
            return model.saying("A title")
        if model.results(request):
            return model.saying("It said: hi.")
        return model.calling("Bash", COMMAND)

    upstream.always(script)
    result = session.ask("Say hi.")
    assert (result["result"], result["num_turns"]) == ("It said: hi.", 2)
    last = asked(model, upstream)[-1]
    assert "hi-42" in model.results(last)[0]
    assert model.has_thought(last), last.body


def test_it_starts_an_agent(model, upstream, session):
    def script(request):
        if not model.has_tool(request, "Bash"):
            return model.saying("A title")
        if b"Look at it." in request.body and b"Have it looked at" not in request.body:
            return model.saying("It is blue.")
        if model.results(request):
            return model.saying("Blue.")
        return model.calling("Agent" if model.has_tool(request, "Agent") else "Task", AGENT)

    upstream.always(script)
    result = session.ask("Have it looked at.")
    assert result["result"] == "Blue."
    assert "It is blue." in model.results(asked(model, upstream)[-1])[0]


def test_a_context_that_is_full_is_compacted(model, upstream, session):
    """The upstream refuses what is too long, and the session goes on with a summary."""
    words = "prompt is too long: 250000 tokens > 200000 maximum"
    refusal = {
        "responses": {"error": {
            "message": "Your input exceeds the context window of this model: 250000 tokens, the limit"
                       " is 200000 tokens.", "code": "context_length_exceeded"}},
        "messages": {"type": "error", "error": {"type": "invalid_request_error", "message": words}},
    }[model.settings["UPSTREAM_API"]]
    refused = []

    def script(request):
        if not model.has_tool(request, "Bash"):
            return model.saying("<summary>They greeted.</summary>")
        if not refused and model.results(request):
            refused.append(request)
            return answers.whole(400, refusal)
        if refused:
            return model.saying("Done.")
        return model.calling("Bash", COMMAND)

    upstream.always(script)
    assert session.ask("Say hi.")["result"] == "Done."
    assert refused and len(asked(model, upstream)) >= 3
