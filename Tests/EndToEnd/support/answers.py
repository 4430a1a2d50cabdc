"""Answers of upstreams, as bytes."""

import json

ID = "gen-1764000000-abcdefghijkl"
MODEL = "openai/gpt-oss-120b"
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}

# The head of a stream. Its body comes in chunks, so that the connection can be used again.
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"


def chunked(data):
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value):
    """A server-sent event with JSON, in a chunk of its own."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return chunked(b"data: " + text.encode() + b"\n\n")


def piece(delta=None, finish=None, usage=None, model=MODEL, **more):
    """One `chat.completion.chunk`."""
    value = {
        "id": ID,
        "object": "chat.completion.chunk",
        "created": 1764000000,
        "model": model,
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}],
    }
    if usage:
        value["usage"] = usage
    value.update(more)
    return event(value)


def text(*parts):
    """Pieces of text."""
    return [piece({"role": "assistant", "content": part}) for part in parts]


def ending(finish="stop", usage=USAGE):
    """The end of a stream: the finish reason, the usage, the mark, the last chunk."""
    return [
        piece({"content": ""}, finish=finish),
        event({"id": ID, "model": MODEL, "choices": [], "usage": usage}),
        event("[DONE]"),
        STREAM_END,
    ]


def saying(*parts, finish="stop", usage=USAGE):
    """A script: a whole answer of text."""
    return [STREAM_HEAD, *text(*parts), *ending(finish, usage)]


def calling(name, arguments, call_id="call_1", pieces=1):
    """A script: an answer that calls one tool, with its arguments in pieces."""
    size = -(-len(arguments) // pieces)
    parts = [arguments[start : start + size] for start in range(0, len(arguments), size)]

    def call(**values):
        return piece({"tool_calls": [{"index": 0, **values}]})

    first = {"name": name, "arguments": ""}
    return [
        STREAM_HEAD,
        call(id=call_id, type="function", function=first),
        *[call(function={"arguments": part}) for part in parts],
        *ending("tool_calls"),
    ]


def calling_all(*calls, call_id="call_{}"):
    """A script: an answer that calls several tools, each a name and its input."""
    pieces = [
        piece({"tool_calls": [{
            "index": index, "id": call_id.format(index), "type": "function",
            "function": {"name": name, "arguments": json.dumps(input)},
        }]})
        for index, (name, input) in enumerate(calls)
    ]
    return [STREAM_HEAD, *pieces, *ending("tool_calls")]


def whole(status, body, content_type="application/json", **fields):
    """A script: an answer in one piece."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n"
    for name, value in fields.items():
        head += f"{name.replace('_', '-')}: {value}\r\n"
    return [head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body]


def failing(status, message="no", code=None, metadata=None, **fields):
    """A script: an error in OpenRouter's envelope."""
    error = {"message": message, "code": code or status}
    if metadata:
        error["metadata"] = metadata
    return whole(status, {"error": error}, **fields)
