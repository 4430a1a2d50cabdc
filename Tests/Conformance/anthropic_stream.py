"""What a client may make of an event stream: the rules of the Messages API, and the message it adds
up to. Written by the documentation and by what the official client breaks on, not by our code."""

import json
import re
from dataclasses import dataclass, field

STARTS = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
DELTAS = {
    "text": {"text_delta", "citations_delta"}, "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"}, "redacted_thinking": set(), "server_tool_use": set(),
    "web_search_tool_result": set(),
}
REASONS = {"end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal"}
COUNTS = {
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"}
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass
class Outcome:
    """A message, or the error that ended the answer."""

    content: list = field(default_factory=list)
    stop: dict = field(default_factory=dict)
    usage: dict = field(default_factory=dict)
    error: dict | None = None

    def joined(self, kind, member):
        return "".join(block[member] for block in self.content if block["type"] == kind)

    @property
    def calls(self):
        return [block for block in self.content if block["type"] == "tool_use"]


def check_usage(usage):
    assert COUNTS <= set(usage), usage
    parts = usage["cache_creation"]
    numbers = [usage[name] for name in COUNTS] + [
        parts["ephemeral_5m_input_tokens"], parts["ephemeral_1h_input_tokens"]]
    assert all(isinstance(one, int) and one >= 0 for one in numbers), usage
    assert sum(parts.values()) == usage["cache_creation_input_tokens"]


def check_content(content, reason):
    ids = [block["id"] for block in content if "id" in block]
    assert len(set(ids)) == len(ids), ids
    for block in content:
        if "id" in block:
            assert TOOL_ID.fullmatch(block["id"]), block
        if block["type"] == "tool_use":
            assert block["name"] and isinstance(block["input"], dict), block
        if block["type"] == "text":
            assert block["text"], "an empty text block"
    has_calls = any(block["type"] == "tool_use" for block in content)
    assert reason != "tool_use" or has_calls
    assert has_calls is False or reason in ("tool_use", "max_tokens", "refusal"), reason


def follow(events):
    """The outcome of a stream; an assertion fails where a client would stumble."""
    events = [event for event in events if event["type"] != "ping"]
    outcome = Outcome()
    if events[-1]["type"] == "error":
        outcome.error = events.pop()["error"]
        assert set(outcome.error) >= {"type", "message"}
    if not events:
        return outcome
    start, *events = events
    assert start["type"] == "message_start"
    message = start["message"]
    assert message["content"] == [] and message["stop_reason"] is None, message
    assert (message["type"], message["role"]) == ("message", "assistant")
    assert message["usage"]["input_tokens"] > 0
    check_usage(message["usage"])
    block, pieces = None, []
    while events and events[0]["type"].startswith("content_block"):
        event = events.pop(0)
        assert event["index"] == len(outcome.content), event
        if event["type"] == "content_block_start":
            assert block is None, "a second open block"
            block, pieces = dict(event["content_block"]), []
            assert block == STARTS.get(block["type"], block), block
            assert block.get("input", {}) == {}
        elif event["type"] == "content_block_delta":
            assert event["delta"]["type"] in DELTAS[block["type"]], event
            take(block, pieces, event["delta"])
        else:
            assert event["type"] == "content_block_stop"
            outcome.content.append(closed(block, pieces))
            block = None
    if outcome.error is not None:
        # An error may come at any moment.
        assert events == [] or events[0]["type"] == "message_delta"
        return outcome
    assert block is None
    end, stop = events
    assert (end["type"], stop["type"]) == ("message_delta", "message_stop")
    outcome.stop, outcome.usage = end["delta"], end["usage"]
    finish(outcome, message)
    return outcome


def finish(outcome, message):
    reason = outcome.stop["stop_reason"]
    assert reason in REASONS
    check_usage(outcome.usage)
    truncated = [block for block in outcome.calls if block["input"] is None]
    assert not truncated or (reason == "max_tokens" and truncated == outcome.calls[-1:])
    for block in truncated:
        block["input"] = {}
    check_content(outcome.content, reason)


def take(block, pieces, delta):
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case "thinking_delta":
            assert not block["signature"], "thinking after the signature"
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            assert not block["signature"]
            block["signature"] = delta["signature"]
        case "input_json_delta":
            pieces.append(delta["partial_json"])


def closed(block, pieces):
    if block["type"] == "thinking":
        assert block["signature"], "thinking without a signature"
    if block["type"] == "tool_use":
        text = "".join(pieces)
        try:
            block["input"] = json.loads(text)
        except json.JSONDecodeError as error:
            # Only a cut leaves half an object.
            assert error.pos >= len(text.rstrip()) or "Unterminated" in error.msg, text
            block["input"] = None
    return block


def whole(value):
    """The outcome of an answer without a stream."""
    if value["type"] == "error":
        return Outcome(error=value["error"])
    check_usage(value["usage"])
    check_content(value["content"], value["stop_reason"])
    stop = {name: value[name] for name in ["stop_reason", "stop_sequence", "stop_details"]
            if name in value}
    return Outcome(value["content"], stop, value["usage"])
