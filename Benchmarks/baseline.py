"""The baseline of the benchmarks: a proxy as it is commonly written first, with Flask and requests.

It does the least that the job needs (text in, text out, stop reason, usage), so it errs on the fast
side. gunicorn runs it with threads; see servers.py.
"""

import json
import os
import uuid

import requests
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
URL = os.environ["UPSTREAM_URL"] + "/chat/completions"
HEADERS = {"Authorization": f"Bearer {os.environ['OPENROUTER_API_KEY']}"}
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def flattened(content):
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if block.get("type") == "text")


def messages(body):
    made = []
    if body.get("system"):
        made.append({"role": "system", "content": flattened(body["system"])})
    for message in body["messages"]:
        content = message["content"]
        calls, results = [], []
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_use":
                function = {"name": block["name"], "arguments": json.dumps(block["input"])}
                calls.append({"id": block["id"], "type": "function", "function": function})
            elif block["type"] == "tool_result":
                text = flattened(block.get("content", ""))
                results.append({"role": "tool", "tool_call_id": block["tool_use_id"], "content": text})
        made += results
        text = flattened(content)
        if calls:
            made.append({"role": message["role"], "content": text or None, "tool_calls": calls})
        elif text or not results:
            made.append({"role": message["role"], "content": text})
    return made


def upstream_body(body):
    made = {"model": body["model"], "messages": messages(body), "max_tokens": body["max_tokens"],
            "stream": bool(body.get("stream"))}
    if body.get("tools"):
        made["tools"] = [
            {"type": "function", "function": {
                "name": tool["name"], "description": tool.get("description", ""),
                "parameters": tool["input_schema"]}}
            for tool in body["tools"]]
    return made


def event(name, **members):
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n"


def events(answer, model):
    message = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant",
               "model": model, "content": [], "stop_reason": None, "stop_sequence": None,
               "usage": {"input_tokens": 0, "output_tokens": 0}}
    yield event("message_start", message=message)
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    reason, usage = "end_turn", {}
    for line in answer.iter_lines():
        if not line.startswith(b"data: ") or line == b"data: [DONE]":
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", []):
            if text := choice["delta"].get("content"):
                yield event("content_block_delta", index=0,
                            delta={"type": "text_delta", "text": text})
            if choice.get("finish_reason"):
                reason = STOP_REASONS.get(choice["finish_reason"], "end_turn")
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": reason, "stop_sequence": None},
                usage={"output_tokens": usage.get("completion_tokens", 0)})
    yield event("message_stop")


@app.post("/v1/messages")
def create_message():
    body = request.get_json()
    made = upstream_body(body)
    answer = requests.post(URL, json=made, headers=HEADERS, stream=made["stream"], timeout=300)
    if answer.status_code != 200:
        return jsonify(type="error", error={"type": "api_error", "message": answer.text}), 502
    if made["stream"]:
        return Response(events(answer, body["model"]), content_type="text/event-stream")
    completion = answer.json()
    choice, usage = completion["choices"][0], completion["usage"]
    return jsonify(
        id=f"msg_{uuid.uuid4().hex}", type="message", role="assistant", model=body["model"],
        content=[{"type": "text", "text": choice["message"]["content"]}],
        stop_reason=STOP_REASONS.get(choice["finish_reason"], "end_turn"), stop_sequence=None,
        usage={"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]})
