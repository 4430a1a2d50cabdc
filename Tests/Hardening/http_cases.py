"""What may be said in HTTP/1.1 to the daemon, and what it answers.

A row is: a name, the bytes, the allowed outcomes in the words of `raw.py` (alternatives separated
by `|`), and where the rule comes from. `asks` is the number of requests that may reach the
upstream; none of them may be one that was smuggled. RFC sections are those of RFC 9112 unless RFC
9110 is named; "ours" is a rule stricter than the RFC, with its reason in docs/threat-model.md.
"""

from dataclasses import dataclass

MARK, SMUGGLED = b"case", b"smuggled"
HOST = "Host: 127.0.0.1"
JSON = "Content-Type: application/json"


def body(mark=MARK):
    return (b'{"model":"claude-sonnet-4-5","max_tokens":9,"messages":'
            b'[{"role":"user","content":"' + mark + b'"}]}')


def head(line, *fields):
    """A head; texts become Latin-1, so that any byte can be written."""
    return ("\r\n".join([line, *fields]) + "\r\n\r\n").encode("latin-1")


def get(*fields, line="GET /health HTTP/1.1", host=HOST):
    return head(line, *([host] if host else []), *fields)


def post(*fields, data=None, line="POST /v1/messages HTTP/1.1"):
    """A request for a message, with the fields as they are and no length of its own."""
    return head(line, HOST, JSON, *fields) + (body() if data is None else data)


def length(data=None):
    return f"Content-Length: {len(body() if data is None else data)}"


def chunk(data, size=None, extension="", end=b"\r\n"):
    size = f"{len(data):x}" if size is None else size
    return (size + extension).encode("latin-1") + b"\r\n" + data + end


CHUNKED = "Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"
WHOLE = chunk(body()) + LAST
GOOD = post(length())
HIDDEN = post(length(body(SMUGGLED)), data=body(SMUGGLED))


def chunked(data):
    return post(CHUNKED, data=data)


@dataclass
class Case:
    name: str
    data: bytes
    want: str
    source: str
    asks: int = 0
    # Milliseconds between bytes, for slow senders.
    pause: float = 0.0
    # Whether the sending side is shut after the bytes.
    ends: bool = False
    is_head: bool = False

    @property
    def answers(self):
        return max(len(one.strip("!").split()) for one in self.want.split("|"))


# The request line ---------------------------------------------------------------------------------

def line(text):
    return get(line=text)


LINE = [
    Case("no version, as in HTTP/0.9", b"GET /health\r\n", "400!", "§2.3"),
    *[Case(f"version {version!r}", line(f"GET /health {version}"), "400!", "§2.3: HTTP/1.0 or 1.1")
      for version in ["HTTP/1.2", "HTTP/1.10", "HTTP/1.32", "http/1.1", "Http/1.1", "HTTP/1.1x",
                      "HTTP/01.1", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/+1.1", "HTTP/1,1",
                      "HTTP/0.9", "HTTP/-1.1", "HTTPS/1.1", "HTP/1.1", "ICY/1.1", "HTTP/1.1\0"]],
    *[Case(f"version {version!r}", line(f"GET /health {version}"), "505!", "RFC 9110 §15.6.6")
      for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/9.9"]],
    Case("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505!", "RFC 9113 §3.4"),
    Case("two blanks after the method", line("GET  /health HTTP/1.1"), "400!", "§3"),
    Case("two blanks before the version", line("GET /health  HTTP/1.1"), "400!", "§3"),
    Case("a blank before the method", line(" GET /health HTTP/1.1"), "400!", "§3"),
    Case("a blank after the version", line("GET /health HTTP/1.1 "), "400!", "§3"),
    Case("a blank in the target", line("GET /health x HTTP/1.1"), "400!", "§3.2"),
    Case("a tab instead of a blank", line("GET\t/health HTTP/1.1"), "400!", "§3"),
    Case("a vertical tab instead of a blank", line("GET\v/health HTTP/1.1"), "400!", "§3"),
    Case("a form feed before the version", line("GET /health\fHTTP/1.1"), "400!", "§3"),
    Case("a CR within the line", line("GET /health\rHTTP/1.1"), "400!", "§2.2"),
    *[Case(f"the byte {byte:#04x} in the target", line(f"GET /he{chr(byte)}alth HTTP/1.1"),
           "400!", "§3.2, RFC 3986")
      for byte in [0x00, 0x01, 0x08, 0x09, 0x0B, 0x0C, 0x1B, 0x7F, 0x80, 0xC3, 0xFF]],
    Case("a fragment", line("GET /health#x HTTP/1.1"), "400!", "§3.2: no fragment"),
    Case("no target", line("GET HTTP/1.1"), "400!", "§3"),
    *[Case(f"the target {target!r}", line(f"GET {target} HTTP/1.1"), "400!", "§3.2")
      for target in ["health", "*", "\\health", "http:/health", "http:health", "ftp://127.0.0.1/",
                     "http://", "http:///health", "http://user@127.0.0.1/health",
                     "http://127.0.0.1:99999/health", "http://127.0.0.1:x/health",
                     "http://[::1/health", "127.0.0.1:80"]],
    *[Case(f"the method {method!r}", line(f"{method} /health HTTP/1.1"), "501!", "RFC 9110 §9.1")
      for method in ["get", "Get", "GETT", "BREW", "PROPFIND", "PURGE", "_GET", "GET!"]],
    *[Case(f"the method {method!r}", line(f"{method} /health HTTP/1.1"), "400!", "RFC 9110 §5.6.2")
      for method in ["", "G(T", "GET\0", "G\x80T", "{GET}", '"GET"', "GET,", "GET:"]],
    Case("CONNECT to an authority", line("CONNECT example.com:443 HTTP/1.1"), "501!|400!",
         "RFC 9110 §9.3.6: no tunnel"),
    Case("CONNECT to a path", line("CONNECT /health HTTP/1.1"), "501!", "RFC 9110 §9.3.6"),
    Case("an endless method", b"A" * 20_000, "414!|400!|501!", "§3"),
    Case("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), "400!",
         "ours: said at once"),
    Case("an SSH client", b"SSH-2.0-OpenSSH_9.2\r\n", "400!", "§3"),
    Case("a SOCKS client", b"\x05\x01\x00", "400!", "§3"),
    Case("PROXY protocol, version 1", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + get(), "400!", "§3"),
    Case("PROXY protocol, version 2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "400!", "§3"),
    Case("a memcached client", b"stats\r\n", "400!", "§3"),
    Case("a Redis client", b"*1\r\n$4\r\nPING\r\n", "400!", "§3"),
    Case("a mail client", b"HELO x\r\n", "400!", "§3"),
    Case("one empty line before", b"\r\n" + get(), "200", "§2.2"),
    Case("two empty lines before", b"\r\n\r\n" + get(), "400!", "ours: §2.2 asks for one"),
    Case("an LF before", b"\n" + get(), "400!", "§2.2"),
    Case("a CR before", b"\r" + get(), "400!", "§2.2"),
    Case("the absolute form", line("GET http://127.0.0.1/health HTTP/1.1"), "200", "§3.2.2"),
    Case("the absolute form, with a port", line("GET HTTP://127.0.0.1:80/health HTTP/1.1"), "200",
         "§3.2.2"),
    Case("a query", line("GET /health?a=b&c=%00 HTTP/1.1"), "200", "RFC 3986 §3.4"),
    Case("two question marks", line("GET /health??a?b HTTP/1.1"), "200", "RFC 3986 §3.4"),
    Case("HTTP/1.0", get(line="GET /health HTTP/1.0"), "200!", "§9.3"),
    Case("HTTP/1.0 without Host", get(line="GET /health HTTP/1.0", host=None), "200!", "§3.2"),
    Case("HTTP/1.0 that stays", get("Connection: keep-alive", line="GET /health HTTP/1.0"), "200",
         "§9.3"),
]

# Field lines --------------------------------------------------------------------------------------

FIELDS = [
    *[Case(f"{name} before the colon", get(f"X{blank}: y"), "400!", "§5.1: MUST refuse")
      for name, blank in [("a blank", " "), ("a tab", "\t"), ("two blanks", "  ")]],
    Case("a folded line", get("X: a", " b"), "400!", "§5.2"),
    Case("a line folded by a tab", get("X: a", "\tb"), "400!", "§5.2"),
    Case("a fold before any field", head("GET /health HTTP/1.1", " X: a", HOST), "400!", "§2.2"),
    Case("a line of blanks", get("X: a", "   "), "400!", "§5.2"),
    Case("a line without a colon", get("nonsense"), "400!", "§5"),
    Case("an empty name", get(": x"), "400!", "RFC 9110 §5.1; CVE-2023-25725"),
    *[Case(f"the byte {byte:#04x} in a name", get(f"X{chr(byte)}Y: z"), "400!", "RFC 9110 §5.6.2")
      for byte in [0x00, 0x01, 0x0B, 0x0C, 0x20, 0x22, 0x28, 0x29, 0x2C, 0x2F, 0x3B, 0x3C, 0x3D,
                   0x3E, 0x3F, 0x40, 0x5B, 0x5C, 0x5D, 0x7B, 0x7D, 0x7F, 0x80, 0xFF]],
    *[Case(f"the byte {byte:#04x} in a value", get(f"X: a{chr(byte)}b"), "400!", "RFC 9110 §5.5")
      for byte in [0x00, 0x01, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F, 0x7F]],
    Case("a NUL at the end of a value", get("X: a\0"), "400!", "RFC 9110 §5.5"),
    Case("a CR in a value", get("X: a\rb"), "400!", "§2.2"),
    Case("a CR before CR LF", get("X: a\r"), "400!", "§2.2"),
    Case("an LF in a value", get("X: a\nY: b"), "400!", "ours: §2.2 MAY take it for a line end"),
    Case("LF for all line ends", get().replace(b"\r\n", b"\n"), "400!", "ours: as above"),
    Case("LF at the end of the request line", get().replace(b"1.1\r\n", b"1.1\n"), "400!",
         "as above"),
    Case("LF as the empty line", get()[:-2] + b"\n", "400!", "as above"),
    Case("LF CR for line ends", get().replace(b"\r\n", b"\n\r"), "400!", "§2.2"),
    Case("CR for all line ends", get().replace(b"\r\n", b"\r") + b"\r\n", "400!", "§2.2"),
    Case("a field twice", get("X: a", "X: b"), "200", "RFC 9110 §5.3"),
    Case("an empty value", get("X:"), "200", "RFC 9110 §5.5"),
    Case("a value of blanks", get("X: \t "), "200", "RFC 9110 §5.5"),
    Case("no blank after the colon", get("X:y"), "200", "§5"),
    Case("tabs round a value", get("X:\t\ty\t"), "200", "§5"),
    Case("a tab within a value", get("X: a\tb"), "200", "RFC 9110 §5.5"),
    Case("bytes above 0x7F in a value", get("X: \x80\xe9\xff"), "200", "RFC 9110 §5.5: obs-text"),
    Case("all token characters in a name", get("!#$%&'*+-.^_`|~09azAZ: y"), "200",
         "RFC 9110 §5.6.2"),
    Case("an underscore in a name", get("x_y: z"), "200", "RFC 9110 §5.6.2"),
    Case("Host missing", get(host=None), "400!", "§3.2: MUST"),
    Case("Host twice", get(HOST), "400!", "§3.2: MUST"),
    Case("Host twice, different", get("Host: other"), "400!", "§3.2: MUST"),
    *[Case(f"Host {host!r}", get(host=f"Host: {host}"), "400!", "§3.2: MUST; RFC 9110 §7.2")
      for host in ["", "a b", "a,b", "a/b", "user@a", "a:b", "a:99999", "a:-1", "a:80:80", "[::1",
                   "::1", "[zz::1]", "[::1]x", "a\x80", "a#b", "a?b", "http://a", "a\\b", ":80"]],
    *[Case(f"Host {host!r}", get(host=f"Host: {host}"), "200", "RFC 9110 §7.2")
      for host in ["127.0.0.1:80", "127.0.0.1:", "localhost.", "[::1]:1", "LOCALHOST",
                   "a-b_c.d~e"]],
]

# Framing: where requests are smuggled -------------------------------------------------------------

COUNTED = length()
FRAMING = [
    Case("Content-Length, then Transfer-Encoding", post(COUNTED, CHUNKED, data=WHOLE), "400!",
         "§6.1, §6.3"),
    Case("Transfer-Encoding, then Content-Length", post(CHUNKED, COUNTED, data=WHOLE), "400!",
         "§6.1, §6.3"),
    Case("Content-Length 0 and Transfer-Encoding", post("Content-Length: 0", CHUNKED, data=WHOLE),
         "400!", "§6.3: CL.0"),
    Case("Content-Length and an unknown coding", post(COUNTED, "Transfer-Encoding: x"), "400!|501!",
         "§6.3"),
    *[Case(f"Transfer-Encoding {coding!r}", post(f"Transfer-Encoding: {coding}", data=WHOLE),
           "501!",
           "§6.1, §7: only chunked")
      for coding in ["identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                     "chunked, identity", "identity, chunked", "xchunked", "chunkedx", "chu nked",
                     '"chunked"', "'chunked'", "chunked;q=1", "chunked,", ",chunked", "", "cow"]],
    *[Case(f"the byte {byte:#04x} before chunked",
           post(f"Transfer-Encoding: {chr(byte)}chunked", data=WHOLE), "400!", "RFC 9110 §5.5")
      for byte in [0x00, 0x0B, 0x0C, 0x7F]],
    Case("chunked with a no-break space", post("Transfer-Encoding: \xa0chunked", data=WHOLE),
         "501!",
         "§6.1"),
    Case("chunked by two fields", post(CHUNKED, CHUNKED, data=WHOLE), "501!", "§7.1: not twice"),
    Case("chunked and identity by two fields",
         post(CHUNKED, "Transfer-Encoding: identity", data=WHOLE), "501!", "§6.1"),
    Case("an empty coding and chunked by two fields",
         post("Transfer-Encoding:", CHUNKED, data=WHOLE), "501!", "§6.1"),
    Case("chunked on a folded line", post("Transfer-Encoding:", " chunked", data=WHOLE), "400!",
         "§5.2"),
    Case("Transfer-Encoding, a blank, the colon",
         post(COUNTED, "Transfer-Encoding : chunked"), "400!", "§5.1"),
    Case("Transfer-Encoding in HTTP/1.0",
         post(CHUNKED, data=WHOLE, line="POST /v1/messages HTTP/1.0"), "400!", "§6.1"),
    Case("Transfer-Encoding behind a CR", post(COUNTED, "X: y\rTransfer-Encoding: chunked"), "400!",
         "§2.2"),
    Case("Transfer-Encoding behind an LF", post(COUNTED, "X: y\nTransfer-Encoding: chunked"),
         "400!",
         "§2.2"),
    Case("a NUL in the name of Transfer-Encoding", post("Transfer-Encoding\0: chunked", data=WHOLE),
         "400!", "RFC 9110 §5.6.2"),
    Case("Transfer_Encoding is another field", post(COUNTED, "Transfer_Encoding: chunked"), "200",
         "RFC 9110 §5.1", asks=1),
    Case("TE is another field", post(COUNTED, "TE: trailers, chunked"), "200", "RFC 9110 §10.1.4",
         asks=1),
    Case("chunked in other letters", post("transfer-ENCODING: ChUnKeD", data=WHOLE), "200", "§7",
         asks=1),
    Case("blanks and tabs round chunked", post("Transfer-Encoding: \t chunked \t", data=WHOLE),
         "200",
         "RFC 9110 §5.5", asks=1),
    Case("Content-Length twice, equal", post(COUNTED, COUNTED), "400!", "§6.3 allows either"),
    Case("Content-Length twice, different", post(COUNTED, "Content-Length: 5"), "400!",
         "§6.3: MUST"),
    *[Case(f"Content-Length {value!r}", post(f"Content-Length: {value}", data=b"12345"), "400!",
           "§6.3, RFC 9110 §8.6: 1*DIGIT")
      for value in ["5, 5", "5,5", "5, 6", "+5", "-5", "0x5", "5 5", "5a", "a5", "", " ", "5.0",
                    "5e0", "5;", "1_0", "'5'", "\xb2", "\xd9\xa5", "5\t5", "5\0", "\x0b5", "5\x0c",
                    "0" * 19, "1" + "0" * 18, "18446744073709551621", "99999999999999999999999"]],
    Case("a length of 18 digits", post("Content-Length: 999999999999999999", data=b""), "413!",
         "RFC 9110 §15.5.14"),
    Case("Content-Length on a folded line", post("Content-Length:", " 5", data=b"12345"), "400!",
         "§5.2"),
    Case("Content-Length, a tab, the colon", post("Content-Length\t: 5", data=b"12345"), "400!",
         "§5.1"),
    Case("leading zeros", post("Content-Length: 000" + str(len(body()))), "200", "RFC 9110 §8.6",
         asks=1),
    Case("blanks and tabs round the length", post(f"Content-Length:\t {len(body())} \t"), "200",
         "RFC 9110 §5.5", asks=1),
    Case("a length in other letters", post(f"CONTENT-length:{len(body())}"), "200", "RFC 9110 §5.1",
         asks=1),
    Case("GET with a body", get("Content-Length: 5") + b"12345", "200", "RFC 9110 §9.3.1"),
    Case("GET with a chunked body", get(CHUNKED) + chunk(b"12345") + LAST, "200",
         "RFC 9110 §9.3.1"),
    Case("GET whose body is a request", get(length(HIDDEN)) + HIDDEN, "200", "§6: it is a body"),
    Case("POST whose body is a request", post(length(HIDDEN), data=HIDDEN), "400", "§6: no JSON"),
    Case("neither length nor chunks", post(data=b""), "411!", "RFC 9110 §15.5.12"),
    Case("neither, and a body all the same", post(data=HIDDEN), "411!", "RFC 9110 §15.5.12"),
    Case("neither, in HTTP/1.0", post(data=b"", line="POST /v1/messages HTTP/1.0"), "411!|400!",
         "RFC 9110 §15.5.12"),
    Case("neither, for a count", post(data=b"", line="POST /v1/messages/count_tokens HTTP/1.1"),
         "411!", "RFC 9110 §15.5.12"),
    Case("a length of 0", post("Content-Length: 0", data=b""), "400", "no JSON"),
    Case("Upgrade to HTTP/2", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                                  "HTTP2-Settings: AAMAAABkAAQAAP__"), "200",
                                  "RFC 9110 §7.8: ignored"),
    Case("Upgrade to WebSocket",
         get("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), "200", "RFC 9110 §7.8: ignored"),
    Case("Connection names Content-Length", post(COUNTED, "Connection: Content-Length"), "200",
         "RFC 9110 §7.6.1: not ours to drop", asks=1),
    Case("Connection: close in a list", get("Connection: x, Close"), "200!", "§9.6"),
    Case("Connection: close and keep-alive", get("Connection: keep-alive", "Connection: close"),
         "200!", "§9.3"),
    Case("HEAD has no body", get(line="HEAD /health HTTP/1.1"), "200", "RFC 9110 §9.3.2",
         is_head=True),
]

# Chunks -------------------------------------------------------------------------------------------

# The right size of the body, spoilt by what is put round it.
SIZE = f"{len(body()):x}"

CHUNKS = [
    *[Case(f"the chunk size {size!r}", chunked(chunk(body(), size=size) + LAST), "400!",
           "§7.1: 1*HEXDIG")
      for size in ["", "g", "-" + SIZE, "+" + SIZE, "0x" + SIZE, " " + SIZE, SIZE + " ", SIZE +
                   "\t",
                   SIZE + " ;x", SIZE + "\0", SIZE + "h", SIZE + "_0", SIZE + ".0", "\xb2",
                   "1000000" + SIZE,
                   "7fffffffffffffff", "ffffffffffffffff", "8000000000000000", "f" * 40]],
    Case("a chunk beyond the limit", chunked(b"ffffffff\r\n"), "413!", "RFC 9110 §15.5.14"),
    Case("LF after a chunk's size", chunked(b"5\n12345\r\n" + LAST), "400!",
         "§7.1; CVE-2025-22871"),
    Case("CR after a chunk's size", chunked(b"5\r12345\r\n" + LAST), "400!", "§7.1"),
    Case("LF after an extension", chunked(b"5;x\n12345\r\n" + LAST), "400!",
         "§7.1; CVE-2025-55315"),
    Case("CR in an extension", chunked(b"5;x\ry\r\n12345\r\n" + LAST), "400!", "§7.1.1"),
    Case("a NUL in an extension", chunked(b"5;x=\0\r\n12345\r\n" + LAST), "400!", "§7.1.1"),
    Case("DEL in an extension", chunked(b"5;x=\x7f\r\n12345\r\n" + LAST), "400!", "§7.1.1"),
    Case("LF after the data", chunked(b"5\r\n12345\n" + LAST), "400!", "§7.1"),
    Case("CR after the data", chunked(b"5\r\n12345\r" + LAST), "400!", "§7.1"),
    Case("nothing after the data", chunked(b"5\r\n12345" + LAST), "400!", "§7.1"),
    Case("a byte too many", chunked(b"5\r\n123456\r\n" + LAST), "400!", "§7.1"),
    Case("an empty line between chunks", chunked(b"5\r\n12345\r\n\r\n" + LAST), "400!", "§7.1"),
    Case("LF after the last chunk's size", chunked(chunk(body()) + b"0\n\r\n"), "400!", "§7.1"),
    Case("LF as the end", chunked(chunk(body()) + b"0\r\n\n"), "400!", "§7.1"),
    Case("CR and another byte as the end", chunked(chunk(body()) + b"0\r\n\rX"), "400!", "§7.1"),
    Case("data without a size", chunked(body()), "400!", "§7.1"),
    *[Case(f"the trailer {text!r}", chunked(chunk(body()) + b"0\r\n" + text.encode("latin-1") +
        b"\r\n\r\n"),
           "400!", "§7.1.2, §5")
      for text in ["nonsense", ": x", "X : y", " X: y", "X: a\r\n b", "X: a\nY: b", "X: a\0",
                   "X: a\rb",
                   "X\x80: y", "X(: y"]],
    Case("a trailer section over 8 KiB", chunked(chunk(body()) + b"0\r\n" +
        b"X: yyyyyyyyyyyyy\r\n" * 600),
         "400!", "ours: a limit"),
    Case("one trailer over 8 KiB", chunked(chunk(body()) + b"0\r\nX: " + b"y" * 9000), "400!",
         "ours: a limit"),
    Case("an extension over 4 KiB", chunked(b"5;" + b"x" * 5000), "400!", "§7.1.1: SHOULD limit"),
    Case("zeros over 4 KiB", chunked(b"0" * 5000), "400!", "ours: a limit"),
    Case("several chunks", chunked(chunk(body()[:9]) + chunk(body()[9:20]) + chunk(body()[20:]) +
        LAST),
         "200", "§7.1", asks=1),
    Case("a chunk for each byte", chunked(b"".join(chunk(body()[i : i + 1])
        for i in range(len(body())))
                                          + LAST), "200", "§7.1", asks=1),
    Case("sizes in capitals, with zeros before",
         chunked(chunk(body(), size=f"0000000000{len(body()):X}") + b"0000\r\n\r\n"), "200", "§7.1",
         asks=1),
    *[Case(f"the extension {text!r}", chunked(chunk(body(), extension=text) + b"0" +
        text.encode("latin-1")
                                             + b"\r\n\r\n"), "200", "§7.1.1: ignored", asks=1)
      for text in [";", ";a", ";a=b", ';a="b;c"', ";a=b;c=d", "; a = b", ";\tx", ";\xff"]],
    Case("trailers", chunked(chunk(body()) + b"0\r\nX: y\r\nDigest:\r\n\r\n"), "200",
         "§7.1.2: dropped",
         asks=1),
    Case("framing fields among the trailers",
         chunked(chunk(body()) + b"0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: y\r\n\r\n"),
         "200", "§7.1.2: dropped", asks=1),
]

# Limits -------------------------------------------------------------------------------------------

HEAD_MAX, FIELDS_MAX, TARGET_MAX = 32 << 10, 128, 8 << 10
# The daemon of the suite is set to this.
BODY_MAX = 8 << 20


def target_of(size):
    return line("GET /health?" + "a" * (size - 8) + " HTTP/1.1")


def head_of(size):
    return get("X: " + "a" * (size - len(get("X: "))))


def body_of(size):
    return body()[:-1] + b" " * (size - len(body())) + b"}"


LIMITS = [
    Case("a target of 8 000 bytes", target_of(8000), "200", "§3: at least"),
    Case("the longest target", target_of(TARGET_MAX), "200", "hardening: 8 KiB"),
    Case("a target a byte longer", target_of(TARGET_MAX + 1), "414!", "RFC 9110 §15.5.15"),
    Case("a target without an end", b"GET /" + b"a" * 100_000, "414!", "RFC 9110 §15.5.15"),
    Case("the largest head", head_of(HEAD_MAX), "200", "RFC 6585 §5"),
    Case("a head a byte larger", head_of(HEAD_MAX + 1), "431!", "RFC 6585 §5"),
    Case("a head without an end", get()[:-2] + b"X: " + b"a" * (1 << 20), "431!", "RFC 6585 §5"),
    Case("a name without an end", get()[:-2] + b"a" * (1 << 20), "431!", "RFC 6585 §5"),
    Case("fields without an end", get()[:-2] + b"a: b\r\n" * 100_000, "431!", "CVE-2026-28980"),
    Case("128 fields", get(*["a: b"] * (FIELDS_MAX - 1)), "200", "RFC 6585 §5"),
    Case("129 fields", get(*["a: b"] * FIELDS_MAX), "431!", "RFC 6585 §5"),
    Case("the largest body", post(f"Content-Length: {BODY_MAX}", data=body_of(BODY_MAX)), "200",
         "RFC 9110 §15.5.14", asks=1),
    Case("a body a byte larger, not sent", post(f"Content-Length: {BODY_MAX + 1}", data=b""),
         "413!",
         "RFC 9110 §15.5.14: before it is read"),
    Case("a body a byte larger, sent", post(f"Content-Length: {BODY_MAX + 1}",
        data=b"x" * (BODY_MAX + 1)),
         "413!", "RFC 9110 §15.5.14"),
    Case("a chunk a byte larger, not sent", chunked(f"{BODY_MAX + 1:x}\r\n".encode()), "413!",
         "RFC 9110 §15.5.14"),
    Case("chunks that are larger together", chunked(chunk(b"x" * BODY_MAX) + b"1\r\n"), "413!",
         "RFC 9110 §15.5.14"),
    Case("a body too large for GET", get(f"Content-Length: {BODY_MAX + 1}"), "413!",
         "RFC 9110 §15.5.14"),
]

# Expect, types, codings ---------------------------------------------------------------------------

MEANING = [
    Case("Expect: 100-continue", post(COUNTED, "Expect: 100-continue"), "100 200",
         "RFC 9110 §10.1.1",
         asks=1),
    Case("Expect in other letters", post(COUNTED, "expect: 100-Continue"), "100 200",
         "RFC 9110 §10.1.1",
         asks=1),
    Case("Expect and chunks", post(CHUNKED, "Expect: 100-continue", data=WHOLE), "100 200",
         "RFC 9110 §10.1.1", asks=1),
    Case("Expect in HTTP/1.0", post(COUNTED, "Expect: 100-continue",
        line="POST /v1/messages HTTP/1.0"),
         "200!", "RFC 9110 §10.1.1: no 100", asks=1),
    Case("Expect without a body", get("Expect: 100-continue"), "200", "RFC 9110 §10.1.1"),
    *[Case(f"Expect {value!r}", post(COUNTED, f"Expect: {value}"), "417!", "RFC 9110 §10.1.1")
      for value in ["x", "", "100-continue, x", "100-continue;x", "200-ok"]],
    Case("Expect twice, once unknown", post(COUNTED, "Expect: 100-continue", "Expect: x"), "417!",
         "RFC 9110 §10.1.1"),
    Case("Expect and a body that is too large",
         post(f"Content-Length: {BODY_MAX + 1}", "Expect: 100-continue", data=b""), "413!",
         "RFC 9110 §10.1.1: no 100"),
    Case("Expect and a wrong type",
         head("POST /v1/messages HTTP/1.1", HOST, "Content-Type: text/plain", "Content-Length: 9",
              "Expect: 100-continue"), "415!", "RFC 9110 §10.1.1: no 100"),
    *[Case(f"Content-Type {value!r}",
           head("POST /v1/messages HTTP/1.1", HOST, f"Content-Type: {value}", COUNTED) + body(),
           "415!",
           "ours: a form of a web page can't send JSON")
      for value in ["", "text/plain", "application/x-www-form-urlencoded",
                    "multipart/form-data; boundary=x",
                    "application/json, text/plain", "text/plain; x=application/json",
                    "application/jsonp",
                    "application/json/x", "json", "application/ json", "*/*",
                    "application/json\xff"]],
    Case("no Content-Type", head("POST /v1/messages HTTP/1.1", HOST, COUNTED) + body(), "415!",
         "as above"),
    Case("Content-Type twice", post(COUNTED, "Content-Type: text/plain"), "415!", "as above"),
    Case("Content-Type twice, the other way round",
         head("POST /v1/messages HTTP/1.1", HOST, "Content-Type: text/plain", JSON, COUNTED) +
         body(), "415!",
         "as above"),
    *[Case(f"Content-Type {value!r}",
           head("POST /v1/messages HTTP/1.1", HOST, f"Content-Type: {value}", COUNTED) + body(),
           "200",
           "RFC 9110 §8.3.1", asks=1)
      for value in ["application/json;charset=utf-8", "Application/JSON ; x=y",
                    "application/json;"]],
    *[Case(f"Content-Encoding {value!r}", post(COUNTED, f"Content-Encoding: {value}"), "415!",
           "RFC 9110 §15.5.16")
      for value in ["br", "deflate", "zstd", "gzip, gzip", "identity, gzip", "x", "gzip;q=1"]],
    Case("Content-Encoding twice", post(COUNTED, "Content-Encoding: identity",
        "Content-Encoding: br"),
         "415!", "RFC 9110 §15.5.16"),
    Case("Content-Encoding: identity", post(COUNTED, "Content-Encoding: identity"), "200",
         "RFC 9110 §8.4", asks=1),
]

# Paths and methods --------------------------------------------------------------------------------

ROUTES = [
    *[Case(f"the path {path}", post(length(), line=f"POST {path} HTTP/1.1"), "404!",
           "ours: paths are compared byte by byte")
      for path in ["/", "/v1", "/V1/messages", "/v1/Messages", "/v1/messages/", "//v1/messages",
                   "/v1//messages", "/v1/./messages", "/x/../v1/messages", "/v1/messages/..",
                   "/v1/%6dessages", "/v1/messages%00", "/v1/messages%3f", "/v1/messages;x=y",
                   "/v1/messages/count_tokens/", "/v1/complete", "/v1/messages/batches",
                   "/v1/files",
                   "/chat/completions", "/v1/chat/completions", "/api/v1/key", "/metrics", "/admin",
                   "/.env", "/v1/v1/v1/messages"]],
    Case("a good path in the absolute form",
         post(length(), line="POST http://localhost:1/v1/messages HTTP/1.1"), "200", "§3.2.2",
         asks=1),
    Case("a good path with a query", post(length(), line="POST /v1/messages?beta=true HTTP/1.1"),
         "200",
         "clients send it", asks=1),
    *[Case(f"{method} {path}", get(line=f"{method} {path} HTTP/1.1"), "405!", "RFC 9110 §15.5.6")
      for method, path in [("GET", "/v1/messages"), ("PUT", "/v1/messages"),
                           ("DELETE", "/v1/messages"),
                           ("PATCH", "/v1/messages"), ("TRACE", "/v1/messages"),
                           ("TRACE", "/health"),
                           ("OPTIONS", "/v1/messages"), ("GET", "/v1/messages/count_tokens"),
                           ("DELETE", "/v1/models"), ("PUT", "/health")]],
    Case("OPTIONS *", get(line="OPTIONS * HTTP/1.1"), "404!", "§3.2.4"),
    Case("405 does not read a body", post(length(), line="PUT /v1/messages HTTP/1.1"), "405!",
         "RFC 9110 §15.5.6"),
    Case("a path of bytes above 0x7F", get(line="GET /\xe9 HTTP/1.1"), "400!", "RFC 3986 §2"),
]

# One request behind the other ---------------------------------------------------------------------

PIPELINED = [
    Case("three requests at once", get() * 3, "200 200 200", "§9.3.2"),
    Case("messages and others", GOOD + get() + GOOD, "200 200 200", "§9.3.2", asks=2),
    Case("64 requests at once", get() * 64, " ".join(["200"] * 64), "§9.3.2"),
    Case("behind a body in chunks", chunked(WHOLE) + get(), "200 200", "§9.3.2", asks=1),
    Case("good, then bad", GOOD + b"nonsense\r\n\r\n", "200 400!", "§9.3.2", asks=1),
    Case("bad, then good", b"nonsense\r\n\r\n" + GOOD, "400!", "§9.6: nothing is read after it"),
    Case("not JSON, then good", post("Content-Length: 5", data=b"12345") + GOOD, "400 200",
         "a complete request may fail", asks=1),
    Case("an unknown path, then good", get(line="GET /x HTTP/1.1") + GOOD, "404!",
         "refused by its head: the connection ends"),
    Case("too large, then good", post(f"Content-Length: {BODY_MAX + 1}", data=b"") + GOOD, "413!",
         "§9.6"),
    Case("the last one, and another", get("Connection: close") + GOOD, "200!", "§9.6: MUST NOT"),
    Case("HTTP/1.0, and another", get(line="GET /health HTTP/1.0") + GOOD, "200!", "§9.3"),
    Case("an empty line between", get() + b"\r\n" + get(), "200 200", "§2.2"),
    Case("two empty lines between", get() + b"\r\n\r\n" + get(), "200 400!", "ours"),
    Case("too short a length", post("Content-Length: 5") + HIDDEN, "400 400!|400 501!|400 414!",
         "the rest is no request"),
    Case("gzip that isn't, then good",
         post("Content-Length: 5", "Content-Encoding: gzip", data=b"12345") + GOOD, "400 200",
         "as above",
         asks=1),
]

# The input ends -----------------------------------------------------------------------------------

ENDS = [
    Case("at once", b"", "-", "§8", ends=True),
    Case("after an empty line", b"\r\n", "-", "§8", ends=True),
    Case("after one byte", b"P", "-|400!", "§8", ends=True),
    Case("within the request line", b"POST /v1/mess", "-|400!", "§8", ends=True),
    Case("after the request line", b"POST /v1/messages HTTP/1.1\r\n", "-|400!", "§8", ends=True),
    Case("within a field", GOOD[:40], "-|400!", "§8", ends=True),
    Case("before the last LF of the head", post(length(), data=b"")[:-1], "-|400!", "§8",
         ends=True),
    Case("before the body", post(length(), data=b""), "-|400!", "§8: MUST consider incomplete",
         ends=True),
    Case("within the body", GOOD[:-1], "-|400!", "§8", ends=True),
    Case("with a body that would do", post("Content-Length: 999"), "-|400!", "§8", ends=True),
    Case("before the first chunk", chunked(b""), "-|400!", "§8", ends=True),
    Case("within a chunk's size", chunked(b"5"), "-|400!", "§8", ends=True),
    Case("within a chunk's size line", chunked(b"5;x\r"), "-|400!", "§8", ends=True),
    Case("within a chunk", chunked(b"5\r\n123"), "-|400!", "§8", ends=True),
    Case("after a chunk's data", chunked(b"5\r\n12345"), "-|400!", "§8", ends=True),
    Case("between chunks", chunked(chunk(body())), "-|400!", "§8: no last chunk", ends=True),
    Case("within the last chunk", chunked(chunk(body()) + b"0\r\n"), "-|400!", "§8", ends=True),
    Case("within the trailers", chunked(chunk(body()) + b"0\r\nX: y\r\n"), "-|400!", "§8",
         ends=True),
    Case("before the last LF", chunked(chunk(body()) + b"0\r\n\r"), "-|400!", "§8", ends=True),
    Case("after 100 Continue", post(length(), "Expect: 100-continue", data=b""), "100!|-", "§8",
         ends=True),
]

# Too slow: for a daemon with HEAD_TIMEOUT and BODY_TIMEOUT of a fraction of a second --------------

SLOW = [
    Case("one byte", b"P", "408!", "RFC 9110 §15.5.9"),
    Case("half a request line", b"POST /v1/mess", "408!", "RFC 9110 §15.5.9"),
    Case("half a head", GOOD[:60], "408!", "RFC 9110 §15.5.9"),
    Case("a head without its last byte", post(length(), data=b"")[:-1], "408!", "RFC 9110 §15.5.9"),
    Case("a head byte by byte", get("X: " + "a" * 1000), "408!", "the time is total, not per byte",
         pause=0.03),
    Case("a head without a body", post(length(), data=b""), "408!", "RFC 9110 §15.5.9"),
    Case("half a body", GOOD[:-20], "408!", "RFC 9110 §15.5.9"),
    Case("a body byte by byte", post("Content-Length: 900", data=b" " * 900), "408!",
         "a body must gain 1 KiB a second", pause=0.03),
    Case("no first chunk", chunked(b""), "408!", "RFC 9110 §15.5.9"),
    Case("half a chunk's size", chunked(b"5"), "408!", "RFC 9110 §15.5.9"),
    Case("half a chunk", chunked(b"5\r\n123"), "408!", "RFC 9110 §15.5.9"),
    Case("no last chunk", chunked(chunk(body())), "408!", "RFC 9110 §15.5.9"),
    Case("no end of the trailers", chunked(chunk(body()) + b"0\r\nX: y\r\n"), "408!",
         "RFC 9110 §15.5.9"),
    Case("trailers byte by byte", chunked(chunk(body()) + b"0\r\n" + b"X: y\r\n" * 150), "408!",
         "framing is not progress", pause=0.03),
    Case("chunk extensions byte by byte", chunked(b"5;" + b"x" * 900), "408!",
         "framing is not progress",
         pause=0.03),
    Case("Expect, and nothing more", post(length(), "Expect: 100-continue", data=b""), "100 408!",
         "RFC 9110 §15.5.9"),
    Case("nothing", b"", "-", "nobody waits for an answer"),
    Case("an empty line", b"\r\n", "-", "not yet a request"),
    Case("half a request after a request", get() + GOOD[:30], "200 408!", "RFC 9110 §15.5.9"),
]

SECTIONS = {
    "line": LINE, "fields": FIELDS, "framing": FRAMING, "chunks": CHUNKS, "limits": LIMITS,
    "meaning": MEANING, "routes": ROUTES, "pipelined": PIPELINED, "ends": ENDS,
}
