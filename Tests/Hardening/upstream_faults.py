"""What an upstream may do wrong, and what the client then gets.

A row is a name, what the upstream says (steps of `support/upstream.py`), and the outcome for a
client that streams and for one that does not, as regular expressions over

    502 api_error           a status and the error's type
    error timeout_error     a stream that began with 200 and ended with `event: error`
    said Hi                 a complete answer, with its text
    silent                  a complete answer without text

A row with one outcome has it for both. `asks` is how often the upstream may be asked: once more
where a second try is free, because nothing can have been generated.
"""

import gzip
import json
import time
from dataclasses import dataclass

from support.answers import (
    STREAM_END, STREAM_HEAD, chunked, ending, event, piece, saying, text, whole)
from support.proxy import KEY
from support.upstream import CLOSE, RESET, UNTIL_LEFT

MIB = 1 << 20
JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# A body that ends with the connection.
OPEN_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@dataclass
class Fault:
    name: str
    steps: object
    stream: str
    message: str = ""
    asks: int = 2
    # Whether the upstream must have been held back: the most that it got rid of, in MiB.
    sent_mib_max: float = 0

    def outcome(self, streams):
        return self.stream if streams or not self.message else self.message


def many(data, count, *before, pause=0.0, after=()):
    """Steps that are made while they are played: `data` `count` times."""
    def steps(_):
        yield from before
        for _ in range(count):
            yield data
            if pause:
                time.sleep(pause)
        yield from after
    return steps


def stream(*parts, end=True):
    """A stream of these events."""
    return [STREAM_HEAD, *parts, *(ending() if end else [STREAM_END])]


def page(status, body, kind="text/html"):
    return whole(status, body, kind)


HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
BAD = r"502 api_error"
ERROR = r"5\d\d (api|timeout|overloaded)_error"
LATE = r"error (api|timeout|overloaded)_error"
# An answer that is wrong in a detail: what could be read of it, or an error. Nothing else.
EITHER = r"said Hi|" + ERROR + "|" + LATE

# The connection -----------------------------------------------------------------------------------

HALF = text("Hi")[0]
CONNECTION = [
    # libcurl itself asks once more when a connection that it kept turns out to be dead.
    Fault("ends before the head", [CLOSE], BAD, asks=3),
    Fault("is reset before the head", [RESET], BAD, asks=3),
    Fault("ends within the status line", [b"HTTP/1.1 2", CLOSE], BAD, asks=3),
    Fault("ends within the head", [b"HTTP/1.1 200 OK\r\nContent-", CLOSE], BAD, asks=3),
    Fault("is reset within the head", [b"HTTP/1.1 200 OK\r\nContent-", RESET], BAD, asks=3),
    Fault("ends after the head", [STREAM_HEAD, CLOSE], BAD),
    Fault("is reset after the head", [STREAM_HEAD, RESET], BAD),
    Fault("ends within a chunk's size", [STREAM_HEAD, b"1", CLOSE], BAD),
    Fault("ends within a chunk", [STREAM_HEAD, HALF[:-9], CLOSE], BAD),
    Fault("ends between events", [STREAM_HEAD, HALF, CLOSE], LATE, BAD),
    Fault("is reset between events", [STREAM_HEAD, HALF, RESET], LATE, BAD),
    Fault("ends within the second event", [STREAM_HEAD, HALF, HALF[:-30], CLOSE], LATE, BAD),
    Fault("is reset within the second event", [STREAM_HEAD, HALF, HALF[:-30], RESET], LATE, BAD),
    Fault("ends without a last chunk, after all", [*saying("Hi")[:-1], CLOSE], "said Hi"),
    Fault("ends before [DONE], after the reason", [STREAM_HEAD, *text("Hi"), *ending()[:1], CLOSE],
          "said Hi|" + LATE, "said Hi|" + BAD),
    Fault("ends an answer of no length", [OPEN_HEAD, b"data: {}\n\n", CLOSE], ERROR + "|silent"),
    Fault("ends JSON early", [JSON_HEAD + b"Content-Length: 999\r\n\r\n{", CLOSE], BAD),
    Fault("is reset in JSON", [JSON_HEAD + b"Content-Length: 999\r\n\r\n{", RESET], BAD),
]

# Time ---------------------------------------------------------------------------------------------

TIME = [
    Fault("silence before the head", [UNTIL_LEFT], "504 timeout_error"),
    Fault("silence within the head", [b"HTTP/1.1 200 OK\r\n", UNTIL_LEFT], "504 timeout_error"),
    Fault("silence after the head", [STREAM_HEAD, UNTIL_LEFT], "504 timeout_error"),
    Fault("silence after the first byte", [STREAM_HEAD, b"1", UNTIL_LEFT], "504 timeout_error"),
    Fault("silence within the first event", [STREAM_HEAD, HALF[:-9], UNTIL_LEFT],
          "504 timeout_error"),
    Fault("silence between events", [STREAM_HEAD, HALF, UNTIL_LEFT], "error timeout_error",
          "504 timeout_error"),
    Fault("silence within the second event", [STREAM_HEAD, HALF, HALF[:-9], UNTIL_LEFT],
          "error timeout_error", "504 timeout_error"),
    Fault("silence before the last chunk", [*saying("Hi")[:-2], UNTIL_LEFT],
          "said Hi|error timeout_error",
          "said Hi|504 timeout_error"),
    Fault("silence after [DONE]", [*saying("Hi")[:-1], UNTIL_LEFT], "said Hi"),
    Fault("silence in an error's body", [b"HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\n{",
        UNTIL_LEFT],
          "504 timeout_error"),
    Fault("the head byte by byte", many(b"X: y\r\n", 200, b"HTTP/1.1 200 OK\r\n", pause=0.05),
          "504 timeout_error"),
    Fault("comments for ever", many(chunked(b": hold\n\n"), 200, STREAM_HEAD, pause=0.05),
          "504 timeout_error"),
    Fault("blanks for ever", many(chunked(b"\n"), 200, STREAM_HEAD, pause=0.05),
          "504 timeout_error"),
    Fault("comments for ever after an event",
          many(chunked(b": hold\n\n"), 200, STREAM_HEAD, HALF, pause=0.05), "error timeout_error",
          "504 timeout_error"),
    Fault("an event byte by byte", many(chunked(b"d"), 200, STREAM_HEAD, pause=0.05),
          "504 timeout_error"),
    Fault("white space for ever in JSON",
          many(chunked(b" "), 200, JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", pause=0.05),
          "504 timeout_error"),
]

# The head -----------------------------------------------------------------------------------------


def with_head(head, *more):
    return [head, *more, CLOSE]


BODY = b"".join(part for part in saying("Hi")[1:])
HEAD = [
    Fault("no HTTP", with_head(b"SSH-2.0-OpenSSH_9.2\r\n"), ERROR),
    Fault("HTTP/0.9", with_head(b"<html>hello</html>"), ERROR),
    Fault("a binary greeting", with_head(bytes(range(256)) * 4), ERROR),
    Fault("a TLS alert", with_head(b"\x15\x03\x01\x00\x02\x02\x28"), ERROR),
    *[Fault(f"the status line {line!r}", with_head(line + b"\r\nContent-Length: 0\r\n\r\n"), ERROR)
      for line in [b"HTTP/1.1 099 X", b"HTTP/1.1 20 X", b"HTTP/1.1 2000 X", b"HTTP/1.1 abc X",
                   b"HTTP/1.1",
                   b"HTTP/9.9 200 OK", b"HTTP/1.1 -200 X"]],
    Fault("a field without a colon", with_head(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), ERROR),
    Fault("a NUL in a field", with_head(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), ERROR),
    Fault("a head of 70 KiB", with_head(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"),
          ERROR),
    Fault("a head of many fields", with_head(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 +
        b"\r\n"), ERROR),
    Fault("a head without an end", many(b"X: " + b"a" * 1000 + b"\r\n", 64 * 1024,
        b"HTTP/1.1 200 OK\r\n"), ERROR,
          sent_mib_max=40),
    Fault("a field without an end", many(b"a" * 65536, 1024, b"HTTP/1.1 200 OK\r\nX: "), ERROR,
          sent_mib_max=40),
    Fault("an interim answer", with_head(b"HTTP/1.1 102 P\r\nX: y\r\n\r\n" + STREAM_HEAD, BODY),
          "said Hi"),
    Fault("100 before the answer", with_head(b"HTTP/1.1 100 Continue\r\n\r\n" + STREAM_HEAD, BODY),
          "said Hi"),
    Fault("interim answers for ever", many(b"HTTP/1.1 102 Processing\r\n\r\n", 1_000_000), ERROR,
          sent_mib_max=40),
    Fault("103 for ever", many(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 500_000), ERROR,
          sent_mib_max=40),
    Fault("switching protocols", with_head(b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"), ERROR),
    *[Fault(f"the status {status}", with_head(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status), ERROR)
      for status in [201, 202, 203, 204, 205, 206, 226, 300, 304, 305, 306]],
    *[Fault(f"{status} to another place",
            with_head(b"HTTP/1.1 %d X\r\nLocation: ELSEWHERE\r\nContent-Length: 0\r\n\r\n" % status), ERROR)
      for status in [301, 302, 303, 307, 308]],
    Fault("the length -1", with_head(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), ERROR),
    Fault("the length x", with_head(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), ERROR),
    Fault("the length 2^70", with_head(b"HTTP/1.1 200 OK\r\nContent-Length: 1180591620717411303424\r\n\r\n"), ERROR),
    Fault("two lengths", with_head(JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
          ERROR + "|silent"),
    Fault("an unknown coding", with_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n"),
          ERROR),
    Fault("a cookie, a challenge, an encoding in words",
          with_head(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Basic\r\nContent-Type: text/event-stream"
                    b"\r\nTransfer-Encoding: chunked\r\n\r\n", BODY), "said Hi"),
]

# The body as bytes --------------------------------------------------------------------------------

BOMB = gzip.compress(b" " * (64 * MIB))
RAW = [
    Fault("a chunk size that is none", [STREAM_HEAD, b"zz\r\n", CLOSE], ERROR),
    Fault("a chunk size too large", [STREAM_HEAD, b"fffffffffffffffff\r\n", CLOSE], ERROR),
    Fault("a bad chunk after an event", [STREAM_HEAD, HALF, b"zz\r\n", CLOSE], LATE, ERROR),
    Fault("a chunk without its end", [STREAM_HEAD, HALF[:-2] + b"xx", CLOSE], LATE + "|" + ERROR,
          ERROR),
    Fault("a line of 64 MiB", many(chunked(b"a" * 65536), 1024, STREAM_HEAD, chunked(b"data: ")),
          ERROR, sent_mib_max=48),
    Fault("a line of 64 MiB after an event",
          many(chunked(b"a" * 65536), 1024, STREAM_HEAD, HALF, chunked(b'data: {"x":"')), LATE,
          ERROR, sent_mib_max=48),
    Fault("an event of 64 MiB in lines",
          many(chunked(b"data: " + b"1" * 65536 + b"\n"), 1024, STREAM_HEAD), ERROR,
          sent_mib_max=48),
    Fault("a comment of 64 MiB", many(chunked(b"a" * 65536), 1024, STREAM_HEAD, chunked(b":"),
        after=stream(HALF)[1:]),
          EITHER),
    Fault("64 MiB of blank lines", many(chunked(b"\n" * 65536), 1024, STREAM_HEAD,
        after=stream(HALF)[1:]), EITHER),
    Fault("64 MiB of zeros", many(chunked(bytes(65536)), 1024, STREAM_HEAD), ERROR,
          sent_mib_max=48),
    Fault("64 MiB of HTML", many(chunked(b"<p>" * 20_000), 1100,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n"), ERROR, sent_mib_max=48),
    Fault("64 MiB of JSON", many(chunked(b"[" * 65536), 1024, JSON_HEAD +
        b"Transfer-Encoding: chunked\r\n\r\n"),
          ERROR, sent_mib_max=64),
    Fault("gzip that nobody asked for",
          whole(200, gzip.compress(b"data: {}\n\n"), "text/event-stream", Content_Encoding="gzip"),
          ERROR),
    Fault("a gzip bomb", whole(200, BOMB, "application/json", Content_Encoding="gzip"), ERROR),
    Fault("a gzip bomb as an error", whole(500, BOMB, "application/json", Content_Encoding="gzip"),
          ERROR),
    Fault("bytes behind the answer", [*saying("Hi"), b"HTTP/1.1 200 OK\r\n\r\n"], "said Hi"),
]

# The body as an answer ----------------------------------------------------------------------------


def delta(**fields):
    return piece(fields)


def data(value):
    return event(value if isinstance(value, str) else json.dumps(value))


def choice(**fields):
    return data({"id": "gen-1", "choices": [{"index": 0, **fields}]})


FAR = 1 << 70
CONTENT = [
    Fault("an HTML page", page(200, HTML), ERROR),
    Fault("a text", page(200, b"hello", "text/plain"), ERROR),
    Fault("nothing", page(200, b"", "text/event-stream"), ERROR),
    Fault("nothing, as JSON", page(200, b""), ERROR),
    Fault("an image", page(200, b"\x89PNG\r\n\x1a\n" + bytes(500), "image/png"), ERROR),
    Fault("a stream under another type",
          [STREAM_HEAD.replace(b"text/event-stream", b"text/plain"), *saying("Hi")[1:]], EITHER),
    Fault("a stream without a type", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *saying("Hi")[1:]], EITHER),
    *[Fault(f"the error {json.dumps(value)[:50]} in a 200", whole(200, value), r"\d\d\d [a-z_]+")
      for value in [
        {"error": {"message": "no", "code": 429}}, {"error": {"message": "no", "code": "x"}},
        {"error": "no"},
        {"error": {}}, {"error": [1]}, {"error": True}, {"error": {"code": FAR, "message": "no"}},
        {"error": {"code": -1, "message": "no"}}, {"error": {"message": ["no"]}}, {"detail": "no"},
        {"object": "error", "message": "no", "code": 40303}]],
    *[Fault(f"the error {json.dumps(value)[:50]} in a stream", stream(data(value), end=False),
            r"\d\d\d [a-z_]+")
      for value in [
        {"error": {"message": "no", "code": 502}}, {"error": "no"}, {"error": {}}, {"error": [1]},
        {"error": {"code": FAR, "message": "no"}}]],
    *[Fault(f"the error {json.dumps(value)[:50]} after an event",
            stream(HALF, data(value), end=False),
            r"error [a-z_]+", r"\d\d\d [a-z_]+")
      for value in [{"error": {"message": "no", "code": 502}}, {"error": "no"},
                    {"error": {"message": 5}}]],
    *[Fault(f"the event {value[:40]!r}", stream(HALF, chunked(b"data: " + value + b"\n\n"),
        end=False), LATE, ERROR)
      for value in [b"{", b"nonsense", b"<html>", b'{"a":}', b"{}{}", b"\xff", b"\x00",
                    b'{"x":"\xc3"}',
                    b'{"x":"\xed\xa0\x80"}', b'{"x":"\xc0\x80"}', b"[" * 100_000,
                    b'{"a":' * 100_000,
                    b'{"x":"\\x"}', b'{"x":01}', b"NaN"]],
    *[Fault(f"the event {value!r}", stream(HALF, data(value)), EITHER)
      for value in ["null", "1", '"x"', "[]", "[[]]", "true", "{}", '{"choices":null}',
                    '{"choices":{}}',
                    '{"choices":1}', '{"choices":[null]}', '{"choices":[1]}', '{"choices":[[]]}',
                    '{"choices":[{}]}',
                    '{"choices":[{"delta":null}]}', '{"choices":[{"delta":1}]}',
                    '{"choices":[{"delta":[]}]}']],
    *[Fault(f"the delta {json.dumps(fields)[:60]}", stream(HALF, choice(delta=fields)), EITHER +
            "|said .*|" + LATE)
      for fields in [
        {"content": 1}, {"content": {}}, {"content": []}, {"content": [1]},
        {"content": [{"type": 1}]},
        {"content": True}, {"role": 1}, {"role": "x"}, {"reasoning": 1}, {"reasoning": {}},
        {"reasoning_details": 1},
        {"reasoning_details": [1]}, {"reasoning_details": [{"type": 1, "text": 2, "index": "x"}]},
        {"reasoning_content": []}, {"tool_calls": 1}, {"tool_calls": {}}, {"tool_calls": [1]},
        {"tool_calls": [{}]},
        {"tool_calls": [{"index": -1, "function": {"name": "f"}}]},
        {"tool_calls": [{"index": FAR, "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 1.5, "function": {"name": "f"}}]},
        {"tool_calls": [{"index": "x", "function": 1}]},
        {"tool_calls": [{"index": 0, "id": 1, "function": {}}]},
        {"tool_calls": [{"index": 0, "function": {"name": 1, "arguments": 2}}]},
        {"tool_calls": [{"index": n, "function": {"name": "f"}} for n in range(5000)]},
        {"annotations": 1}, {"annotations": [1]}, {"images": [1]}, {"audio": 1}, {"refusal": 1},
        {"function_call": 1}]],
    *[Fault(f"the choice {json.dumps(fields)}", stream(HALF, choice(**fields)), EITHER)
      for fields in [{"finish_reason": 1}, {"finish_reason": {}}, {"finish_reason": []},
                     {"index": FAR, "delta": {}},
                     {"index": -1, "delta": {"content": ""}},
                     {"native_finish_reason": 1, "delta": {}}]],
    *[Fault(f"the usage {json.dumps(usage)}",
            [STREAM_HEAD, HALF, piece({}, finish="stop"), data({"choices": [], "usage": usage}),
             event("[DONE]"), STREAM_END],
            EITHER)
      for usage in [1, [], "x", {}, {"prompt_tokens": "x"},
                    {"prompt_tokens": -5, "completion_tokens": -5},
                    {"prompt_tokens": FAR, "completion_tokens": FAR}, {"prompt_tokens": 1.5},
                    {"prompt_tokens": None},
                    {"prompt_tokens_details": 1},
                    {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": FAR}},
                    {"cost": "x"}, {"cost": {}}]],
    Fault("a number 1e999 in the usage", stream(HALF, data('{"usage":{"prompt_tokens":1e999}}')),
          EITHER),
    Fault("[DONE] at once", stream(event("[DONE]"), end=False), ERROR),
    # The mark says that the answer is whole; some servers give no reason.
    Fault("[DONE] without a reason", stream(HALF, event("[DONE]"), end=False), "said Hi"),
    Fault("the end without a reason", stream(HALF, end=False), LATE, ERROR),
    Fault("a reason and no content", [STREAM_HEAD, *ending()], ERROR + "|silent"),
    Fault("[DONE] twice", stream(HALF, *ending()[:-1]), "said Hi"),
    Fault("content after [DONE]", [*saying("Hi")[:-1], HALF, STREAM_END], "said Hi"),
    Fault("two reasons", stream(HALF, piece({}, finish="length")), "said Hi"),
    Fault("an event of another name", stream(HALF, chunked(b"event: x\ndata: {}\n\n")), EITHER),
    Fault("CR for line ends", [STREAM_HEAD, *[part.replace(b"\n\n", b"\r\r")
        for part in saying("Hi")[1:-1]], STREAM_END],
          "said Hi"),
    Fault("a mark of byte order", [STREAM_HEAD, chunked(b"\xef\xbb\xbf"), *saying("Hi")[1:]],
          "said Hi"),
    Fault("every byte in a chunk of its own",
          [STREAM_HEAD, *[chunked(bytes([byte])) for byte in b"".join(
              part.split(b"\r\n", 1)[1][:-2] for part in saying("Hi \u20ac \U0001F600")[1:-1])],
              STREAM_END],
          "said Hi \u20ac \U0001F600"),
    Fault("a message of wrong types", whole(200,
        {"choices": [{"message": {"content": 5, "tool_calls": 1}, "finish_reason": 1}]}),
          ERROR + "|silent"),
    Fault("a message without choices", whole(200, {"id": "x", "choices": []}), ERROR),
    Fault("a message in a stream's place", whole(200, {"choices": [
        {"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}), "said Hi"),
]

# Errors with a status -----------------------------------------------------------------------------

QUOTED = f"Incorrect API key provided: {KEY}. See https://example.com?key={KEY}"
ANY = r"[45]\d\d [a-z_]+"
ERRORS = [
    *[Fault(f"{status} with {what}", page(status, body, kind), ANY)
      for status in [400, 401, 402, 403, 404, 405, 408, 409, 413, 418, 422, 429, 451, 500, 501, 502,
                     503, 504, 520,
                     524, 529, 599, 999]
      for what, body, kind in [("HTML", HTML, "text/html"), ("nothing", b"", "application/json")]],
    *[Fault(f"{status} that quotes the key", whole(status,
        {"error": {"message": QUOTED, "code": status}}), ANY)
      for status in [400, 401, 403, 404, 429, 500, 503]],
    Fault("the key in HTML", page(403, f"<title>{KEY}</title>{KEY}".encode()), ANY),
    Fault("the key in a text", page(500, f"Authorization: Bearer {KEY}".encode(), "text/plain"),
          ANY),
    Fault("the key by escapes", page(400, b'{"error":{"message":"' + "".join(
        f"\\u{ord(c):04x}" for c in KEY).encode() + b'"}}', "application/json"), ANY),
    Fault("the key in the provider's words", whole(400, {"error": {
        "message": "Provider returned error", "code": 400, "metadata": {
            "provider_name": KEY, "raw": json.dumps({"error": {"message": QUOTED}})}}}), ANY),
    Fault("the key in a field's name", whole(400, {"error": {
        "message": f"Unsupported parameter: '{KEY}'", "code": "unsupported_parameter",
        "param": KEY}}), ANY),
    Fault("the key in Retry-After", whole(429, {"error": {"message": "no"}}, Retry_After=KEY), ANY),
    Fault("the key in the generation's id",
          [STREAM_HEAD.replace(b"OK\r\n", b"OK\r\nX-Generation-Id: " + KEY.encode() + b"\r\n"),
           *saying("Hi")[1:]], "said Hi"),
    Fault("the key in an error of a stream", stream(HALF,
        data({"error": {"message": QUOTED, "code": 502}}), end=False),
          LATE, ERROR),
    Fault("the key in an error in a 200", whole(200, {"error": {"message": QUOTED, "code": 401}}),
          ANY),
    Fault("the key beyond the shown part", whole(400, {"error": {"message": "x" * 1990 + KEY}}),
          ANY),
    Fault("the key cut by the 64 KiB", page(500, b"x" * (65536 - 15) + KEY.encode(), "text/plain"),
          ANY),
    *[Fault(f"{status} with 64 MiB of {what}", many(data, 1024, (
        b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind,
            1024 * len(data)))), ANY,
        sent_mib_max=40)
      for status in [400, 429, 500, 503]
      for what, data, kind in [("HTML", b"<p>x</p>" * 8192, b"text/html"),
          ("brackets", b"[" * 65536, b"application/json")]],
    Fault("500 with 64 MiB of a message", many(b"x" * 65536, 1024,
        b"HTTP/1.1 500 X\r\nContent-Length: 99999999\r\n\r\n"
                                             b'{"error":{"message":"' + KEY.encode()), ANY,
                                             sent_mib_max=40),
    Fault("an error of 100 000 brackets", page(400, b'{"error":' + b"[" * 60_000,
        "application/json"), ANY),
    Fault("Retry-After: 1e999", whole(429, {"error": {"message": "no"}}, Retry_After="1e999"), ANY),
    Fault("Retry-After: -5", whole(503, {"error": {"message": "no"}}, Retry_After="-5"), ANY),
    Fault("Retry-After: 99999999999999999999",
          whole(429, {"error": {"message": "no"}}, Retry_After="9" * 20), ANY),
    Fault("a reset far away", whole(429, {"error": {"message": "no"}}, X_RateLimit_Reset="9" * 18),
          ANY),
    Fault("an error cut short", [b"HTTP/1.1 500 X\r\nContent-Length: 999\r\n\r\n{", CLOSE], ANY),
    Fault("an error in bad UTF-8", page(500, b'{"error":{"message":"\xff\xfe"}}',
        "application/json"), ANY),
    Fault("an error with line ends", whole(400,
        {"error": {"message": "a\r\nevent: x\n\ndata: {}\n\n\0"}}), ANY),
]

SECTIONS = {"connection": CONNECTION, "time": TIME, "head": HEAD, "raw": RAW, "content": CONTENT,
            "errors": ERRORS}
