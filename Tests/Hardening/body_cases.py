"""What may stand in a body, and what the daemon answers.

Three tables: FIELDS (each known field and the types that it may have; every other type must be
refused with a 400 that begins with the field's path, in Anthropic's words), NUMBERS (the range of
every number), and BODIES (bytes as such: JSON's grammar, UTF-8, depth, size, escapes, gzip).
"""

import copy
import gzip
import json
import zlib
from dataclasses import dataclass

# One request that has every known field. Indexes in the paths below point into it.
FULL = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 4000,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                "data": "aGk="}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "document", "title": "d", "context": "c",
             "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
            {"type": "document", "source": {"type": "content",
                "content": [{"type": "text", "text": "y"}]}},
            {"type": "search_result", "source": "s", "title": "t",
             "content": [{"type": "text", "text": "z"}]},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "h", "signature": "s"},
            {"type": "redacted_thinking", "data": "r"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": False,
             "content": [{"type": "text", "text": "r"}]},
        ]},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "u"},
    ],
    "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True,
               "cache_control": {"type": "ephemeral"}, "defer_loading": False,
               "input_examples": [{"a": 1}]}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "output_config": {"effort": "low",
                      "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["x"],
    "stream": False,
    "temperature": 1,
    "top_p": 0.9,
    "top_k": 40,
    "cache_control": {"type": "ephemeral"},
}

VALUES = {
    "null": None, "boolean": True, "number": 1, "fraction": 1.5, "string": "x", "list": [7],
    "object": {"type": 7},
}
NUMERIC = ("number", "fraction")

# A path, and the kinds that it may have. Where `null` is among them it means "not there".
FIELDS = {
    "model": ("string",),
    "max_tokens": ("number",),
    "messages": ("list",),
    "messages.0": ("object",),
    "messages.0.role": ("string",),
    "messages.0.content": ("string", "list"),
    "messages.0.content.0": ("object",),
    "messages.0.content.0.type": ("string",),
    "messages.0.content.0.text": ("string",),
    "messages.0.content.1.source": ("object",),
    "messages.0.content.1.source.type": ("string",),
    "messages.0.content.1.source.media_type": ("string",),
    "messages.0.content.1.source.data": ("string",),
    "messages.0.content.2.source.url": ("string",),
    "messages.0.content.3.source": ("object",),
    "messages.0.content.3.source.data": ("string",),
    "messages.0.content.3.title": ("string", "null"),
    "messages.0.content.3.context": ("string", "null"),
    "messages.0.content.4.source.content": ("string", "list"),
    "messages.0.content.5.source": ("string",),
    "messages.0.content.5.title": ("string",),
    "messages.0.content.5.content": ("list",),
    "messages.1.content.0.thinking": ("string",),
    "messages.1.content.0.signature": ("string", "null"),
    "messages.1.content.1.data": ("string",),
    "messages.1.content.2.id": ("string",),
    "messages.1.content.2.name": ("string",),
    "messages.1.content.2.input": ("object",),
    "messages.2.content.0.tool_use_id": ("string",),
    "messages.2.content.0.is_error": ("boolean", "null"),
    "messages.2.content.0.content": ("string", "list", "null"),
    "messages.2.content.0.content.0": ("object",),
    "messages.2.content.0.content.0.text": ("string",),
    "messages.4.content": ("string", "list"),
    "system": ("string", "list", "null"),
    "system.0": ("object",),
    "system.0.type": ("string",),
    "system.0.text": ("string",),
    "tools": ("list", "null"),
    "tools.0": ("object",),
    "tools.0.name": ("string",),
    "tools.0.type": ("string", "null"),
    "tools.0.description": ("string", "null"),
    "tools.0.input_schema": ("object",),
    "tools.0.strict": ("boolean", "null"),
    "tools.0.defer_loading": ("boolean", "null"),
    "tools.0.input_examples": ("list", "null"),
    "tool_choice": ("object", "null"),
    "tool_choice.type": ("string",),
    "tool_choice.disable_parallel_tool_use": ("boolean", "null"),
    "thinking": ("object", "null"),
    "thinking.type": ("string",),
    "thinking.budget_tokens": ("number",),
    "output_config": ("object", "null"),
    "output_config.effort": ("string", "null"),
    "output_config.format": ("object", "null"),
    "output_config.format.schema": ("object",),
    "metadata": ("object", "null"),
    "metadata.user_id": ("string", "null"),
    "stop_sequences": ("list", "null"),
    "stop_sequences.0": ("string",),
    "stream": ("boolean", "null"),
    "temperature": ("null", *NUMERIC),
    "top_p": ("null", *NUMERIC),
    "top_k": ("number", "null"),
}

# The fields that do not go together with some of those above.
MORE = {
    **FULL,
    "tools": [*FULL["tools"],
              {"type": "web_search_20250305", "name": "web_search", "max_uses": 3,
               "allowed_domains": ["a.example"], "user_location": {"type": "approximate"}},
              {"type": "web_fetch_20250910", "name": "web_fetch", "blocked_domains": ["x.y"]},
              {"type": "bash_20250124", "name": "bash"}],
    "tool_choice": {"type": "tool", "name": "f"},
    "messages": [*FULL["messages"][:4],
                 {"role": "user", "content": [{"type": "text", "text": "u"}],
                  "clear_at": "next_user_message"},
                 {"role": "system", "content": "s", "output_config": {"effort": "low"}},
                 {"role": "user", "content": "z"}],
    "thinking": {**FULL["thinking"], "display": "omitted"},
    "output_config": {"effort": "low"},
    "output_format": {"type": "json_schema", "schema": {"type": "object"}},
    "mcp_servers": [],
    "cache_control": {"type": "ephemeral", "ttl": "5m"},
}
# Where even the right kind is refused for what it says, no kind is right.
MORE_FIELDS = {
    "output_format": ("null",),
    "output_format.type": (),
    "output_format.schema": ("object",),
    "cache_control": ("null",),
    "cache_control.type": (),
    "cache_control.ttl": ("null",),
    "system.0.cache_control": ("null",),
    "system.0.cache_control.type": (),
    "messages.0.content.0.cache_control": ("null",),
    "messages.0.content.0.cache_control.type": (),
    "messages.0.content.0.cache_control.ttl": ("null",),
    "messages.0.content.3.source.type": (),
    "messages.0.content.4.source.content.0": (),
    "messages.0.content.4.source.content.0.text": ("string",),
    "messages.0.content.5.content.0": (),
    "messages.0.content.5.content.0.text": ("string",),
    "messages.0.content.5.content.0.type": ("string",),
    "messages.1.content.2.type": ("string",),
    "messages.2.content.0.type": ("string",),
    "messages.2.content.0.content.0.type": ("string",),
    "messages.4.clear_at": ("null", "string"),
    "messages.5.role": (),
    "messages.5.content": ("string",),
    "messages.5.output_config": ("null", "object"),
    "messages.5.output_config.effort": ("null",),
    "tools.0.cache_control": ("null",),
    "tools.0.cache_control.type": (),
    "tools.1.type": ("null", "string"),
    "tools.1.name": ("string",),
    "tools.1.max_uses": ("null", "number"),
    "tools.1.allowed_domains": ("null",),
    "tools.1.allowed_domains.0": ("string",),
    "tools.2.blocked_domains": ("null",),
    "tools.2.blocked_domains.0": ("string",),
    "tools.1.user_location": ("null", "object"),
    "tools.3.name": ("string",),
    "tool_choice.name": (),
    "thinking.display": ("null", "string"),
    "mcp_servers": ("null",),
}


def replaced(path, value, body=None):
    """FULL with another value at the path."""
    body = copy.deepcopy(FULL if body is None else body)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = body
    for part in way:
        place = place[part]
    place[last] = value
    return body


def wrong_types():
    for fields, body in [(FIELDS, FULL), (MORE_FIELDS, MORE)]:
        for path, allowed in fields.items():
            for kind, value in VALUES.items():
                if kind not in allowed:
                    yield path, kind, json.dumps(replaced(path, value, body)).encode()


# Numbers as they are written: the daemon must not trap, round or overflow on any.
FAR = ["9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
       "1e400", "-1e400", "1e-400", "123456789012345678901234567890", "-0", "0.0", "1E+2", "1.5"]
# A path and the written numbers that are good; of the others each is refused with the path, or
# passes as written. Never anything else.
NUMBERS = {
    "max_tokens": [], "temperature": [], "top_p": [], "top_k": [], "thinking.budget_tokens": [],
}


def far_numbers():
    for path in NUMBERS:
        for text in FAR:
            body = json.dumps(replaced(path, "NUMBER")).replace('"NUMBER"', text)
            yield path, text, body.encode()


@dataclass
class Body:
    name: str
    data: bytes
    # The statuses that are allowed.
    want: tuple
    source: str
    gzip: bool = False
    # What the error's message must contain.
    says: str = ""


MESSAGE = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "TEXT"}]}


def with_text(text, body=None):
    """A request whose text is these bytes, quotes not included."""
    return json.dumps(MESSAGE if body is None else body).encode().replace(b"TEXT", text)


def nested(depth, mark="[]"):
    """A tool's schema of this depth; the request itself is three deep there."""
    opened, closed = ('{"a":', "}") if mark == "{}" else ("[", "]")
    inner = opened * depth + "1" + closed * depth
    return ('{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f",'
            '"input_schema":{"type":"object","x":' + inner + "}}]}").encode()


GOOD = with_text(b"hello")
NO_JSON = "not valid JSON"


def bad(name, data, source="RFC 8259 §2"):
    return Body(name, data, (400,), source, says=NO_JSON)


GRAMMAR = [
    Body("nothing", b"", (400,), "RFC 8259 §2", says="empty"),
    bad("blanks", b"  \t\r\n "),
    *[bad(f"{text!r} alone", text) for text in [
        b"{", b"}", b"[", b"]", b'"', b":", b",", b"-", b"nul", b"nulll", b"tru", b"True", b"NaN",
        b"Infinity",
        b"undefined", b"'x'", b"{]", b"[}", b"{,}", b"[,]", b'{"a"}', b'{"a":}', b'{"a":1,}',
        b"[1,]", b"[1 2]",
        b'{"a" 1}', b'{"a":1 "b":2}', b"{a:1}", b"{'a':1}", b"{1:1}", b"{null:1}", b'{"a"::1}',
        b"[1,,2]",
        b"{}{}", b"{} x", b"// c\n{}", b"{}/*c*/", b"#\n{}", b"\x00", b"{}\x00", b"\x0b{}",
        b"\x0c{}", b"\xa0{}",
        b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\xfe\xff\x00{\x00}", b"\x1f\x8b\x08"]],
    *[Body(f"{text!r} alone is no object", text, (400,), "a request is an object",
           says="JSON object")
      for text in [b"null", b"true", b"1", b'"x"', b"[]", b'[{"model":"m"}]']],
    *[bad(f"the number {text}", GOOD.replace(b"9", text, 1), "RFC 8259 §6")
      for text in [b"+9", b"09", b"9.", b".9", b"9e", b"9e+", b"0x9", b"-", b"--9", b"9_0",
                   b"1e5.5", b"- 9",
                   b"\xd9\xa9", b"9a", b"Infinity", b"-Infinity", b"NaN", b"0b1", b"00"]],
    *[bad(f"the byte {byte:#04x} in a string", with_text(bytes([byte])), "RFC 8259 §7")
      for byte in [0x00, 0x01, 0x08, 0x09, 0x0A, 0x0D, 0x1F]],
    *[bad(f"the escape {text!r}", with_text(text), "RFC 8259 §7")
      for text in [rb"\x", rb"\a", rb"\'", rb"\0", rb"\u", rb"\u1", rb"\u12", rb"\u123", rb"\u12g4",
                   rb"\U0041",
                   rb"\ u0041", b"\\\n", rb"\u-123", rb"\u+123", b"\\\x00", rb"\v"]],
    bad("a string without its end", with_text(b"yz")[:-6]),
    bad("a backslash as the end", GOOD[:-4] + b"\\"),
    bad("a number as the end", b'{"a":1'),
    *[bad(f"cut after {size} bytes", GOOD[:size]) for size in range(2, len(GOOD), 9)],
]

# UTF-8 as RFC 3629 has it.
UTF8 = [
    *[bad(f"UTF-8 {text.hex()}: {why}", with_text(text), "RFC 8259 §8.1, RFC 3629")
      for text, why in [
        (b"\x80", "continuation alone"), (b"\xbf\xbf", "continuations alone"),
        (b"\xc3", "cut short"),
        (b"\xe2\x82", "cut short"), (b"\xf0\x9f\x98", "cut short"),
        (b"\xc3\x28", "no continuation"),
        (b"\xe2\x28\xa1", "no continuation"), (b"\xc0\x80", "overlong NUL"),
        (b"\xc0\xaf", "overlong"),
        (b"\xc1\xbf", "overlong"), (b"\xe0\x80\xaf", "overlong"), (b"\xe0\x9f\xbf", "overlong"),
        (b"\xf0\x80\x80\xaf", "overlong"), (b"\xf0\x8f\xbf\xbf", "overlong"),
        (b"\xed\xa0\x80", "surrogate"),
        (b"\xed\xbf\xbf", "surrogate"), (b"\xed\xa0\xbd\xed\xb8\x80", "CESU-8"),
        (b"\xf4\x90\x80\x80", "above U+10FFFF"), (b"\xf5\x80\x80\x80", "above U+10FFFF"),
        (b"\xf8\x88\x80\x80\x80", "five bytes"), (b"\xfe", "never"), (b"\xff", "never")]],
    *[bad(f"UTF-8 in a key: {text.hex()}", GOOD.replace(b'"max', b'"' + text + b'":1,"max'),
          "RFC 8259 §8.1")
      for text in [b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xff"]],
    *[Body(f"UTF-8 {text.hex()}", with_text(text), (200,), "RFC 3629: the edges")
      for text in [b"\x7f", b"\xc2\x80", b"\xdf\xbf", b"\xe0\xa0\x80", b"\xed\x9f\xbf",
                   b"\xee\x80\x80",
                   b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf",
                   b"\xef\xbb\xbf"]],
]

ODD = [
    Body("every escape", with_text(rb'\"\\\/\b\f\n\r\t\u0000\u00e9\uD83D\uDE00'), (200,),
         "RFC 8259 §7"),
    *[Body(f"the lone surrogate {text!r}", with_text(text), (200,),
           "RFC 8259 §8.2: passes as written")
      for text in [rb"\ud800", rb"\udfff", rb"\ude00\ud83d", rb"\ud83dx", rb"\ud83d\n",
                   rb"\ud83d\u0041"]],
    Body("a key by escapes", GOOD.replace(b'"model"', rb'"\u006dodel"'), (200,), "RFC 8259 §8.3"),
    Body("a NUL in a key", GOOD.replace(b'"max', rb'"a\u0000b":1,"max'), (200,),
         "an unknown field"),
    Body("an empty key", GOOD.replace(b'"max', b'"":1,"max'), (200,), "an unknown field"),
    Body("__proto__", GOOD.replace(b'"max', b'"__proto__":{"x":1},"max'), (200,),
         "an unknown field"),
    Body("blanks everywhere", json.dumps(MESSAGE, indent="\t \r\n").encode(), (200,),
         "RFC 8259 §2"),
    Body("a field twice: the last one counts", GOOD.replace(b'"max', b'"max_tokens":"x","max'),
         (200,),
         "docs/decisions/0002"),
    Body("a field twice: the last one is wrong", GOOD[:-1] + b',"max_tokens":"x"}', (400,),
         "docs/decisions/0002", says="max_tokens: "),
    Body("a field twice, once by escapes", GOOD[:-1] + rb',"max_token\u0073":"x"}', (400,),
         "docs/decisions/0002", says="max_tokens: "),
    Body("messages twice", GOOD[:-1] + b',"messages":[]}', (400,), "docs/decisions/0002",
         says="messages: "),
    Body("a block's type twice",
         with_text(b"x", {**MESSAGE, "messages": [{"role": "user",
             "content": [{"type": "text", "text": "y"}]}]})
         .replace(b'"type": "text"', b'"type":"image","type":"text"'), (200,),
         "docs/decisions/0002"),
    Body("a thousand times the same field", GOOD[:-1] + b',"x":1' * 1000 + b"}", (200,),
         "bounded work"),
    Body("an unknown field of each kind", GOOD[:-1] + b',"a":null,"b":[{}],"c":1e999,"d":"x"}',
         (200,),
         "unknown fields are dropped"),
    Body("an empty model", GOOD.replace(b'"m"', b'""', 1), (400,), "", says="model: "),
    Body("a model of 1 MiB", GOOD.replace(b'"m"', b'"' + b"m" * (1 << 20) + b'"', 1), (200, 400),
         "bounded"),
    Body("a model with a line end", GOOD.replace(b'"m"', rb'"a\r\nX: y"', 1), (200, 400),
         "no header from it"),
    Body("a model that is a URL", GOOD.replace(b'"m"', b'"http://169.254.169.254/latest"', 1),
         (200, 400),
         "CVE-2024-6587: no field chooses a host"),
    Body("no messages", GOOD.replace(b'[{"role": "user", "content": "hello"}]', b"[]"), (400,), "",
         says="messages: "),
    *[Body(f"the role {role!r}", GOOD.replace(b'"user"', json.dumps(role).encode()), (400,), "",
           says="messages.0.role: ") for role in ["", "User", "tool", "developer", "function",
               "user\0"]],
    *[Body(f"base64 {text[:20]!r}", json.dumps({**MESSAGE,
        "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png",
            "data": text}}]}]}).encode(),
        (200, 400), "passes as written, or names the field")
      for text in ["", "=", "====", "a", "ab", "abc", "ab=c", "a b c d", "a\nb", "\u00e9", "-_-_",
                   "%41", "A" * 9,
                   "data:image/png;base64,AA==", "\0", '","x":"', "A" * (1 << 20)]],
    *[Body(f"the media type {text[:20]!r}", json.dumps({**MESSAGE,
        "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": text,
            "data": "aGk="}}]}]}).encode(),
        (200, 400), "no second data URL from it")
      for text in ["", "image/", "text/html", "image/png;base64,x", "a\r\nb", "\0", "a" * 100_000]],
    *[Body(f"the URL {text[:30]!r}", json.dumps({**MESSAGE,
        "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": text}}]}]}).encode(), (200, 400),
        "never fetched here")
      for text in ["", "file:///etc/passwd", "http://127.0.0.1:1/", "http://169.254.169.254/",
                   "javascript:1",
                   "gopher://x", "//x", "data:,x", "a" * 100_000]],
]

DEPTH_MAX = 128
DEEP = [
    # The value stands in root > tools > tool > input_schema, which is four deep.
    Body("as deep as may be", nested(DEPTH_MAX - 4), (200,), "hardening: a depth of 128"),
    Body("one deeper", nested(DEPTH_MAX - 3), (400,), "CVE-2022-31019", says=NO_JSON),
    Body("objects one deeper", nested(DEPTH_MAX - 3, "{}"), (400,), "CVE-2022-31019", says=NO_JSON),
    bad("a million brackets", b"[" * 1_000_000, "CVE-2022-31019"),
    bad("a million braces", b'{"a":' * 1_000_000, "CVE-2022-31019"),
    bad("a million brackets, closed", b"[" * 1_000_000 + b"]" * 1_000_000, "CVE-2022-31019"),
    bad("brackets and braces", b'[{"a":' * 500_000, "CVE-2022-31019"),
]

MIB = 1 << 20
# Each within the limit of 8 MiB.
LARGE = [
    Body("a text of 7 MiB", with_text(b"x" * (7 * MIB)), (200,), "bounded memory"),
    Body("6 MiB of escapes", with_text(rb"\u0041" * MIB), (200,), "hardening §3"),
    Body("6 MiB of quotes", with_text(rb"\"" * (3 * MIB)), (200,), "hardening §3"),
    Body("3 MiB of surrogate pairs", with_text(rb"\ud83d\ude00" * (MIB // 4)), (200,),
         "hardening §3"),
    Body("7 MiB of backslashes", with_text(b"\\" * (7 * MIB // 2 * 2)), (200,), "quadratic work"),
    Body("7 MiB of four-byte characters", with_text("😀".encode() * (7 * MIB // 4)), (200,),
         "bounded memory"),
    Body("a list of a million numbers", GOOD[:-1] + b',"x":[' + b"1," * MIB + b"1]}", (200,),
         "bounded memory"),
    Body("a list of a million objects", GOOD[:-1] + b',"x":[' + b"{}," * MIB + b"{}]}", (200,),
         "bounded memory"),
    Body("100 000 fields", GOOD[:-1] + b"".join(b',"%d":0' % n for n in range(100_000)) + b"}",
         (200,),
         "CVE-2026-25591: bounded work"),
    Body("100 000 messages", json.dumps({**MESSAGE,
        "messages": [{"role": "user", "content": "x"}] * 100_000})
         .encode(), (200, 400), "bounded work"),
    Body("100 000 blocks", json.dumps({**MESSAGE, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "x"}] * 100_000}]}).encode(), (200, 400), "bounded work"),
    Body("20 000 tools", json.dumps({**MESSAGE, "tools": [
        {"name": f"f{n}", "input_schema": {}} for n in range(20_000)]}).encode(), (200, 400),
        "quadratic work"),
    Body("20 000 calls with their results", json.dumps({**MESSAGE, "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": f"c{n}", "name": "f", "input": {}} for n in range(20_000)]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": f"c{n}", "content": "r"}
            for n in range(20_000)]}]}).encode(),
        (200, 400), "quadratic work"),
    Body("100 000 stop sequences", json.dumps({**MESSAGE,
        "stop_sequences": ["x"] * 100_000}).encode(),
         (200, 400), "bounded work"),
    Body("a digit string of 7 MiB", GOOD.replace(b"9", b"1" * (7 * MIB), 1), (400,), "bounded work",
         says="max_tokens: "),
    Body("7 MiB of blanks", b" " * (7 * MIB) + GOOD, (200,), "bounded work"),
    Body("a key of 7 MiB", GOOD[:-1] + b',"' + b"k" * (7 * MIB) + b'":1}', (200,),
         "bounded memory"),
    Body("a tool's name of 1 MiB", json.dumps({**MESSAGE, "tools": [
        {"name": "n" * MIB, "input_schema": {}}]}).encode(), (200, 400), "bounded work"),
]

ZIPPED = gzip.compress(GOOD)
GZIP = [
    Body("gzip", ZIPPED, (200,), "RFC 1952", gzip=True),
    Body("gzip, stored", gzip.compress(GOOD, 0), (200,), "RFC 1952", gzip=True),
    *[Body(f"gzip cut to {size} bytes", ZIPPED[:size], (400,), "RFC 1952", gzip=True, says="gzip")
      for size in [1, 2, 9, 10, 11, len(ZIPPED) - 9, len(ZIPPED) - 8, len(ZIPPED) - 1]],
    Body("a wrong sum", ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:], (400,), "RFC 1952", gzip=True,
         says="gzip"),
    Body("a wrong size", ZIPPED[:-1] + b"\1", (400,), "RFC 1952", gzip=True, says="gzip"),
    Body("bytes after the end", ZIPPED + b"x", (400,), "ours: one member", gzip=True, says="gzip"),
    Body("two members", ZIPPED + gzip.compress(b" "), (400,), "ours: one member", gzip=True,
         says="gzip"),
    Body("not gzip", GOOD, (400,), "RFC 1952", gzip=True, says="gzip"),
    Body("zlib instead", zlib.compress(GOOD), (400,), "RFC 1952", gzip=True, says="gzip"),
    Body("gzip of nothing", gzip.compress(b""), (400,), "", gzip=True, says="empty"),
    Body("gzip of gzip", gzip.compress(ZIPPED), (400,), "once only", gzip=True, says=NO_JSON),
    Body("a bomb of 256 MiB", b"", (413,), "bounded memory", gzip=True),
    Body("a byte over the limit", gzip.compress(GOOD + b" " * (8 * MIB + 1 - len(GOOD))), (413,),
         "", gzip=True),
    Body("just the limit", gzip.compress(GOOD + b" " * (8 * MIB - len(GOOD))), (200,), "",
         gzip=True),
]


def bomb():
    """256 MiB of blanks in 256 KiB of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * MIB
    return b"".join(packer.compress(block) for _ in range(256)) + packer.flush()


SECTIONS = {"grammar": GRAMMAR, "utf-8": UTF8, "odd": ODD, "deep": DEEP, "large": LARGE,
            "gzip": GZIP}
