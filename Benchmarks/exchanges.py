"""What the benchmarks send, and what must come back, to the byte."""

import http.client
import json
import random
import re

# As Claude Code sends them (names and sizes; the values are made up).
HEADERS = {
    "accept": "application/json",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "authorization": "Bearer benchmark-client-token-0123456789",
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.330 (external, cli)",
    "x-app": "cli",
    "x-stainless-arch": "x64",
    "x-stainless-lang": "js",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "0.70.0",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-runtime-version": "v24.3.0",
    "x-stainless-timeout": "600",
    "accept-language": "*",
    "sec-fetch-mode": "cors",
    "accept-encoding": "gzip, deflate, br, zstd",
}
PATHS = {"messages": "/v1/messages?beta=true", "chat": "/api/v1/chat/completions"}
WORDS = ("the loop reads bytes from a connection and hands them to its session which decides what"
         " is to be done next while \"quoted\" text\tand\nnew lines occur as they do in code {} [];"
         " naïve café — ‘typographic’ signs too").split(" ")


def prose(source, count):
    """About `count` bytes of text that needs an escape now and then."""
    words, length = [], 0
    while length < count:
        words.append(source.choice(WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)[:count]


def small_body(model, stream, size=1024):
    """A short question, `size` bytes in all."""
    body = {"model": model, "max_tokens": 1024, "stream": stream,
            "system": "You are a helpful assistant.",
            "messages": [{"role": "user", "content": ""}]}
    room = size - len(encoded(body))
    body["messages"][0]["content"] = ("Why is it so? " * (room // 14 + 1))[:room]
    return encoded(body)


def large_body(model, stream, size=200_000):
    """A coding agent's request in the middle of its work, about `size` bytes: 18 tools, and turns of
    text, tool calls and results in equal shares of what is left."""
    source = random.Random(1)
    cache = {"type": "ephemeral"}
    scale = size / 200_000
    tools = [{
        "name": f"Tool{index}",
        "description": prose(source, int(2500 * scale)),
        "input_schema": {
            "type": "object", "additionalProperties": False, "required": ["path"],
            "properties": {
                "path": {"type": "string", "description": prose(source, 60)},
                "limit": {"type": "integer", "minimum": 0, "description": prose(source, 60)},
                "mode": {"type": "string", "enum": ["read", "write", "append"]},
            },
        },
    } for index in range(18)]
    messages = [{"role": "user", "content": [{"type": "text", "text": prose(source, 400)}]}]
    for turn in range(36):
        call = {"type": "tool_use", "id": f"toolu_{turn:024d}", "name": f"Tool{turn % 18}",
                "input": {"path": f"/src/file{turn}.swift", "limit": 200,
                          "text": prose(source, int(900 * scale))}}
        messages.append({"role": "assistant", "content": [
            {"type": "text", "text": prose(source, int(300 * scale))}, call]})
        result = {"type": "tool_result", "tool_use_id": call["id"],
                  "content": [{"type": "text", "text": prose(source, int(2300 * scale))}]}
        messages.append({"role": "user", "content": [result]})
    messages[-1]["content"][0]["cache_control"] = cache
    return encoded({
        "model": model, "max_tokens": 32000, "stream": stream,
        "system": [{"type": "text", "text": prose(source, 60)},
                   {"type": "text", "text": prose(source, int(14000 * scale)),
                    "cache_control": cache}],
        "metadata": {"user_id": "user_0123_account__session_4567"},
        "tools": tools, "messages": messages})


def encoded(body):
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def raw_request(path, body):
    """The bytes of an HTTP request."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Exchange:
    """A request and the template of its answer, for one server; checked by hand once, after which
    the load generator compares bytes."""

    def __init__(self, server, body, model, directory, path=None):
        self.server = server
        self.is_stream = b'"stream":true' in body
        path = path or PATHS[server.speaks]
        answer = self.fetch(path, body)
        kind, *numbers = model.split("/")[1:]
        self.chunks, size = int(numbers[0]), int(numbers[1])
        self.verify(answer, [filled(size, kind == "paced")] * self.chunks)
        template = re.sub(rb"(?<=msg_)[0-9A-Za-z]+", lambda found: b"\1" * len(found[0]), answer)
        # The estimate that a stream begins with is exact if the prompt was counted in time.
        template = re.sub(rb'("type":"message_start",.*?"input_tokens":)\d+',
                          lambda found: found[1] + b"\3", template)
        if kind == "paced":
            stamp = re.compile(rb'(?<="content":")[0-9a-f]{16}|(?<="text":")[0-9a-f]{16}'
                               rb'|(?<="text": ")[0-9a-f]{16}')
            template = stamp.sub(b"\2" * 16, template)
        marks = [template.find(b"\2"), template.find(b"abcdefgh")]
        self.first = min(mark for mark in marks if mark >= 0)
        self.request_file = directory / f"{server.name}-{id(self)}.request"
        self.request_file.write_bytes(raw_request(path, body))
        self.template_file = directory / f"{server.name}-{id(self)}.template"
        self.template_file.write_bytes(template)

    def fetch(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request("POST", path, body, HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.server.name}: {answer.status} {content[:300]!r}")
        connection.close()
        return content

    def verify(self, answer, pieces):
        """Whether the answer is legal and complete, read as a client would."""
        if self.server.speaks == "chat":
            found = self.chat_pieces(answer)
        elif self.is_stream:
            found = self.event_pieces(answer)
        else:
            message = json.loads(answer)
            assert message["stop_reason"] == "end_turn", message
            assert [block["type"] for block in message["content"]] == ["text"], message
            found, pieces = [message["content"][0]["text"]], ["".join(pieces)]
        found = [re.sub("^[0-9a-f]{16}", "?" * 16, piece) if pieces[0][:1] == "?" else piece
                 for piece in found]
        if found != pieces:
            raise RuntimeError(f"{self.server.name} answers with other text: {found[:2]!r}")

    @staticmethod
    def chat_pieces(answer):
        lines = [line for line in answer.decode().split("\n") if line]
        assert lines[-1] == "data: [DONE]" and all(line.startswith("data: ") for line in lines)
        chunks = [json.loads(line[6:]) for line in lines[:-1]]
        pieces = [chunk["choices"][0]["delta"]["content"] for chunk in chunks]
        return [piece for piece in pieces if piece]

    @staticmethod
    def event_pieces(answer):
        events = []
        for block in answer.decode().removesuffix("\n\n").split("\n\n"):
            name, data = re.fullmatch(r"event: (\w+)\ndata: (.*)", block).groups()
            event = json.loads(data)
            assert event["type"] == name
            events.append(event)
        deltas = [event for event in events if event["type"] == "content_block_delta"]
        names = [event["type"] for event in events if event["type"] != "content_block_delta"]
        assert names == ["message_start", "content_block_start", "content_block_stop",
                         "message_delta", "message_stop"], names
        assert events[2:2 + len(deltas)] == deltas, "deltas stand within their block"
        assert all(delta["index"] == 0 for delta in deltas)
        return [delta["delta"]["text"] for delta in deltas]


def filled(size, is_stamped):
    """A chunk's text, as upstream.c makes it; `?` for the time."""
    text = "".join(chr(ord("a") + index % 26) for index in range(size - 1)) + " "
    return "?" * 16 + text[16:] if is_stamped else text
