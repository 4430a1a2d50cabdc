"""Answers of upstreams in OpenAI's Responses API and in Anthropic's Messages API."""

import json

from .answers import STREAM_END, STREAM_HEAD, chunked, whole


def named(name, value):
    """An event with its name, in a chunk of its own."""
    text = json.dumps({"type": name, **value}, separators=(",", ":"))
    return chunked(f"event: {name}\ndata: {text}\n\n".encode())


# The Responses API.

USAGE = {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}


def response(status="completed", output=(), **more):
    return {"id": "resp_1", "model": "gpt-5.6", "status": status, "output": list(output),
            "usage": USAGE, **more}


def responding(*items, status="completed", **more):
    """A script: an answer of these items, each begun, given in pieces, and ended."""
    steps = [STREAM_HEAD, named("response.created", {"response": response("in_progress")})]
    for index, item in enumerate(items):
        place = {"output_index": index, "item_id": f"item_{index}"}
        empty = {**item, "id": f"item_{index}"}
        if item["type"] == "message":
            empty["content"] = []
        if item["type"] == "function_call":
            empty["arguments"] = ""
        empty.pop("encrypted_content", None)
        steps.append(named("response.output_item.added", {**place, "item": empty}))
        if item["type"] == "message":
            for part, content in enumerate(item["content"]):
                for piece in (content["text"][:3], content["text"][3:]):
                    steps.append(named("response.output_text.delta", {
                        **place, "content_index": part, "delta": piece}))
        if item["type"] == "function_call":
            steps.append(named("response.function_call_arguments.delta", {
                **place, "delta": item["arguments"]}))
        if item["type"] == "reasoning":
            for part, summary in enumerate(item["summary"]):
                steps.append(named("response.reasoning_summary_text.delta", {
                    **place, "summary_index": part, "delta": summary["text"]}))
        steps.append(named("response.output_item.done", {**place, "item": item}))
    end = response(status, items, **more)
    return [*steps, named(f"response.{status}", {"response": end}), STREAM_END]


def text(value):
    return {"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": value, "annotations": []}]}


def call(name, arguments, call_id="call_1"):
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def reasoning(summary, encrypted):
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": summary}],
            "encrypted_content": encrypted}


# The Messages API. Its JSON is padded, as Anthropic's is.

def start(model="claude-opus-4-6", input_tokens=12, message_id="msg_upstream"):
    return padded("message_start", {"message": {
        "id": message_id, "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": 1}}})


def padded(name, value):
    text = json.dumps({"type": name, **value}, separators=(",", ":"))
    return chunked(f"event: {name}\ndata: {text[:-1]}   }}\n\n".encode())


def block(index, *deltas, **content):
    return [
        padded("content_block_start", {"index": index, "content_block": content}),
        *[padded("content_block_delta", {"index": index, "delta": delta}) for delta in deltas],
        padded("content_block_stop", {"index": index}),
    ]


def end(reason="end_turn", output_tokens=5):
    return [
        padded("message_delta", {
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": output_tokens}}),
        padded("message_stop", {}), STREAM_END,
    ]


def telling(*parts, **more):
    """A script: a streamed message of text."""
    deltas = [{"type": "text_delta", "text": part} for part in parts]
    return [STREAM_HEAD, start(**more), *block(0, *deltas, type="text", text=""), *end()]


def message_of(text):
    """A script: a whole message of text."""
    return whole(200, {
        "id": "msg_upstream", "type": "message", "role": "assistant", "model": "claude-opus-4-6",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
        "stop_sequence": None, "usage": {"input_tokens": 12, "output_tokens": 5}})
