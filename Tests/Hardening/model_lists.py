"""What an upstream may send as its list of models, and what must come of it.

A row is a name, what the upstream says (steps of `support/upstream.py`), and how many models are
known then: 0 is no list, which the log tells once, with the words in `says`.
"""

import gzip
import json
from dataclasses import dataclass

from support.answers import whole
from support.proxy import KEY
from support.upstream import CLOSE, RESET, UNTIL_LEFT
from upstream_faults import MIB, STREAM_HEAD, many, saying

GOOD = {"id": "a/b", "name": "B", "created": 1764000000, "context_length": 1000,
        "architecture": {"input_modalities": ["text", "image"]},
        "top_provider": {"max_completion_tokens": 500},
        "supported_parameters": ["tools", "temperature"],
        "reasoning": {"supported_efforts": ["low"], "mandatory": False,
                      "supports_max_tokens": True},
        "pricing": {"prompt": "0.1", "completion": "0.2"}}
FAR = 1 << 70
# Wrong in every field, or far from what can be.
VALUES = [1, -1, 1.5, "", "x", "\0", [], [[]], {}, {"x": 1}, True, None, FAR, -FAR]
# What a model may be called by servers of other kinds, in our reader's words.
FIELDS = [*GOOD, "max_model_len", "context_window", "max_context_length", "max_input_tokens",
          "meta", "max_completion_tokens", "max_output_tokens", "capabilities"]
WITHIN = [("architecture", "input_modalities"), ("top_provider", "max_completion_tokens"),
          ("pricing", "prompt"), ("pricing", "completion"), ("pricing", "input_cache_read"),
          ("pricing", "input_cache_write"), ("pricing", "input_cache_write_1h"),
          ("pricing", "request"), ("pricing", "overrides"), ("reasoning", "supported_efforts"),
          ("reasoning", "mandatory"), ("reasoning", "supports_max_tokens"), ("meta", "n_ctx"),
          ("meta", "n_ctx_train"), ("capabilities", "function_calling"),
          ("capabilities", "vision")]
NONE = "no list of models"
OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@dataclass
class List:
    name: str
    steps: object
    models: int = 0
    says: str = NONE

    def __str__(self):
        return self.name


def of(*models):
    return whole(200, {"data": list(models)})


def text(data):
    return whole(200, data)


def without_end(pause):
    """Something at a time, for ever."""
    return many(b" ", 10_000, OPEN, b'{"data":[', pause=pause)


def numbered(count):
    return [{"id": f"a/{number}"} for number in range(count)]


LISTS = [
    # The connection and HTTP.
    List("nothing", text(b"")),
    List("the end", [CLOSE], says="not complete|Empty reply|without an answer"),
    List("a reset", [RESET], says="Recv failure|reset"),
    List("a cut within the head", [b"HTTP/1.1 200 OK\r\nConte", CLOSE], says="not complete"),
    List("a cut within the list", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", CLOSE],
         says="transfer closed"),
    List("a list of no length, cut", [OPEN, b'{"data":[{"id":"a/b"},{"id', CLOSE]),
    List("silence", [UNTIL_LEFT], says="did not come within"),
    List("silence after the head", [OPEN, UNTIL_LEFT], says="did not come within"),
    List("a byte at a time, for ever", without_end(0.01), says="did not come within"),
    List("SSH", [b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE], says="HTTP"),
    List("a NUL in the head", [b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", CLOSE], says="Nul byte"),
    List("a head without an end", many(b"X: " + b"a" * 1000 + b"\r\n", 4096, b"HTTP/1.1 200 OK\r\n"),
         says="larger than 64 KiB"),
    List("bad chunks", [STREAM_HEAD, b"zz\r\n", CLOSE], says="chunk|Chunk"),
    List("an unknown coding", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n", CLOSE]),
    *[List(f"a redirect, {status}", whole(status, b"", Location="ELSEWHERE"),
           says=f"HTTP {status}") for status in [301, 302, 303, 307, 308]],
    *[List(f"the status {status}", whole(status, {"error": {"message": f"bad key {KEY}"}}),
           says=f"HTTP {status}") for status in [201, 206, 400, 401, 403, 404, 429, 500, 503]],
    List("500 with HTML", whole(500, b"<html>" + KEY.encode(), "text/html"), says="HTTP 500"),
    List("500 with 64 MiB", many(b"x" * 65536, 1024, b"HTTP/1.1 500 X\r\n\r\n"), says="HTTP 500"),
    # Not a list.
    List("HTML", whole(200, b"<html>hello</html>", "text/html")),
    List("a stream of an answer", saying("Hi")),
    List("gzip that nobody asked for",
         whole(200, gzip.compress(json.dumps({"data": [GOOD]}).encode()),
               Content_Encoding="gzip")),
    List("a gzip bomb", whole(200, gzip.compress(b" " * (64 * MIB)), Content_Encoding="gzip")),
    *[List(f"the text {data[:30]!r}", text(data)) for data in [
        b"null", b"1", b'"x"', b"[]", b"{}", b'{"data":null}', b'{"data":{"a":1}}', b'{"data":"x"}',
        b'{"data":[]}', b'{"data":[1,null,[],"x",{}]}', b'{"error":{"message":"no"}}', b"{", b"[",
        b'{"data":[{"id":"a/b"}', b'{"data":[{"id":"a/b"', b"\xff\xfe\0", bytes(100_000),
        b'{"data":[{"id":"\xff\xfe"}]}', b'{"data":[{"id":"\xed\xa0\x80"}]}',
        b'{"data":' + b"[" * 100_000, b'{"data":[' + b'{"a":' * 100_000, b"[" * MIB,
        b'{"data":[{"id":"a/b","x":' + b"[" * 200 + b"]" * 200 + b"}]}",
        b'{"data":[{"id":"a/b","x":01}]}', b'{"data":[{"id":"a/b",}]}',
        b'{"data":[{"id":"a/b"' + b" " * (200 << 10) + b"}]}"]],
    List("64 MiB of brackets", many(b"[" * 65536, 1024, OPEN), says="32 MiB|no list"),
    List("64 MiB of models", many(json.dumps({"id": "a/b", "name": "x" * 65000}).encode() + b",",
                                  1024, OPEN + b'{"data":['), says="32 MiB"),
    List("64 MiB of a string", many(b"x" * 65536, 1024, OPEN + b'{"data":[{"id":"'), says="32 MiB"),
    List("64 MiB of white space", many(b" " * 65536, 1024, OPEN), says="32 MiB"),
    # Lists with something in them that is none.
    List("a list alone", text(json.dumps([GOOD]).encode()), 1),
    List("a list among other things", text(json.dumps(
        {"object": "list", "x": [{"id": "x/y"}], "data": [GOOD], "more": [GOOD]}).encode()), 1),
    List("models that are none", of(1, None, [], "x", {}, {"id": 5}, {"id": ""}, {"id": None},
                                    {"id": "x" * 300}, {"id": "a b"}, {"id": "a\r\nX: y"},
                                    {"id": "a\0b"}, {"id": "\u20ac"}, GOOD), 1),
    *[List(f"{field} of every kind", of(GOOD, *[
        {**GOOD, "id": f"c/{number}", field: value} for number, value in enumerate(VALUES)]),
        # All but those whose id is the wrong thing itself.
        2 if field == "id" else 1 + len(VALUES)) for field in FIELDS],
    *[List(f"{outer}.{inner} of every kind", of(GOOD, *[
        {**GOOD, "id": f"c/{number}", outer: {**GOOD.get(outer, {}), inner: value}}
        for number, value in enumerate(VALUES)]), 1 + len(VALUES)) for outer, inner in WITHIN],
    *[List(f"the number {number}", text(json.dumps({"data": [GOOD]}).replace(
        "1000,", f"{number},").encode()), 1)
      for number in ["1e999", "-1e999", "9" * 400, "-0", "0.1e-400", "9223372036854775807",
                     "9223372036854775808", "-9223372036854775808"]],
    *[List(f"the price {price[:20]}", of({**GOOD, "pricing": {
        key: price for key in ["prompt", "completion", "input_cache_read", "request"]}}), 1)
      for price in ["NaN", "inf", "-inf", "-1", "1e999", "9" * 400, "0x10", "", " 1", "1e-999",
                    "1000000", "1000001"]],
    List("every member twice", text(b'{"data":[{"id":"a/b","id":"c/d","context_length":5,'
                                    b'"context_length":"x","name":1,"name":"n"}]}'), 1),
    List("the same model 10 000 times", of(*[GOOD] * 10_000), 1),
    List("100 000 models", of(*numbered(100_000)), 5000),
    List("5 000 models, each with a name of its own", of(*[
        {**GOOD, **model, "name": "n" * 250} for model in numbered(5000)]), 5000),
    List("a name of 4 MiB", of({**GOOD, "name": "x" * (4 * MIB)}, GOOD), 1),
    List("a million parameters", of({**GOOD, "supported_parameters": ["x"] * 1_000_000}, GOOD), 1),
    List("ids that mean something elsewhere", of(*[
        {**GOOD, "id": name} for name in ["../../x", "%00", "a/b?c=d#e", "<script>", "';--", "*"]]),
        6),
    List("the key as a name", of({**GOOD, "name": KEY}), 1),
    List("line ends and quotes in a name", of({**GOOD, "name": 'a"\r\n\u2028\\'}), 1),
    List("white space all over", text(json.dumps({"data": [GOOD]}, indent=99).encode()), 1),
    List("a mark of byte order", text(b"\xef\xbb\xbf" + json.dumps({"data": [GOOD]}).encode())),
    List("bytes behind the list", text(json.dumps({"data": [GOOD]}).encode() + b"}}]]x"), 1),
]
