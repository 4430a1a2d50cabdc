"""Where nginx 1.22 differs from the daemon: the cases of the table, by the reason.

MUST: RFC 9110 or 9112 has a server refuse it, and nginx does not. MAY: the RFC allows both. What
nginx takes, some client may send; so these are the rules to look at first if a real client is ever
refused.
"""

ACCEPTS_MORE = {
    "MUST: a field name is a token (RFC 9110 §5.1)": [
        *[f"the byte {byte:#04x} in a name"
          for byte in [0x22, 0x28, 0x29, 0x2C, 0x2F, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x5B, 0x5C,
                       0x5D, 0x7B, 0x7D, 0x80, 0xFF]],
    ],
    "MUST: no control byte in a value (RFC 9110 §5.5: CR, LF, NUL; the others SHOULD)": [
        *[f"the byte {byte:#04x} in a value"
          for byte in [0x01, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F, 0x7F]],
    ],
    "MUST: Host is a host (RFC 9112 §3.2)": [
        *[f"Host {host!r}"
          for host in ["[::1", "[::1]x", "[zz::1]", "a#b", "a,b", "a:-1", "a:80:80", "a:99999",
                       "a:b",
                       "a?b", "a\\b", "a\x80", "user@a"]],
    ],
    "MUST: a line has a colon (RFC 9112 §5)": ["a line without a colon"],
    "MUST: a CR is not followed by anything but LF (RFC 9112 §2.2)": ["a CR before",
        "a CR before CR LF"],
    "MUST: a target is a URI without a fragment (RFC 9112 §3.2, RFC 3986)": [
        "a fragment", "the byte 0x80 in the target", "the byte 0xc3 in the target",
        "the byte 0xff in the target", "the target 'http://127.0.0.1:99999/health'",
        "the target 'ftp://127.0.0.1/'",
    ],
    "MUST: chunk framing ends in CR LF and a size is digits (RFC 9112 §7.1)": [
        "LF after a chunk's size", "LF after an extension", "LF after the data",
        "LF after the last chunk's size", "LF as the end", "DEL in an extension",
        "a NUL in an extension", "the chunk size '5a '", "the chunk size '5a ;x'",
        "the chunk size '5a\\t'",
    ],
    "MUST: trailers are fields (RFC 9112 §7.1.2); nginx skips them unread": [
        *[f"the trailer {text!r}"
          for text in [" X: y", ": x", "X : y", "X(: y", "X: a\nY: b", "X: a\r\n b", "X: a\0",
                       "X\x80: y",
                       "nonsense"]],
        "a trailer section over 8 KiB", "one trailer over 8 KiB",
    ],
    "MAY: a line may end in LF alone (RFC 9112 §2.2)": [
        "LF as the empty line", "LF at the end of the request line", "LF for all line ends",
        "an LF before", "an LF in a value",
    ],
    "MAY: more than one blank in the request line (RFC 9112 §3)": [
        "a blank after the version", "two blanks after the method", "two blanks before the version",
    ],
    "MAY: more than one empty line before a request (RFC 9112 §2.2)": ["two empty lines before"],
    "MAY: a higher minor version counts as 1.1 (RFC 9110 §2.5)": [
        "version 'HTTP/1.10'", "version 'HTTP/1.2'", "version 'HTTP/1.32'",
    ],
    "MAY: an unknown method (nginx leaves it to the server behind it)": [
        "an endless method",
        *[f"the method {method!r}" for method in ["BREW", "GETT", "PROPFIND", "PURGE", "_GET"]],
    ],
    "MAY: a Content-Length of any number of digits": [f"Content-Length {'0' * 19!r}"],
}

ACCEPTS_LESS = {
    "nginx does not trim tabs, which RFC 9110 §5.5 has it do": [
        "blanks and tabs round chunked", "blanks and tabs round the length",
    ],
}
