"""The table of upstream faults against the daemon, streamed and not."""

import re
import time

import pytest

from support import DEADLINE

from support.client import message, parse_events, text_of
from support.proxy import KEY
from support.upstream import ScriptedUpstream
from upstream_faults import MIB, SECTIONS, many, saying

ROWS = [(section, fault) for section, faults in SECTIONS.items() for fault in faults]
# Time-outs of the daemon, two tries, and a busy machine.
SECONDS_MAX = 8
# Of all faults together, those of 64 MiB among them.
RISE_MAX = 48 * MIB


@pytest.fixture(scope="module")
def faulty(open_house):
    house = open_house(FIRST_BYTE_TIMEOUT="700ms", UPSTREAM_IDLE_TIMEOUT="700ms")
    assert house.proxy.post(message()).status == 200
    house.before = house.proxy.memory()
    house.elsewhere = ScriptedUpstream()
    yield house
    house.elsewhere.close()


def outcome(response):
    """In the words of the table."""
    if response.status != 200:
        return f"{response.status} {response.error['type']}"
    if response.header("content-type").startswith("text/event-stream"):
        events = parse_events(response.body)
        last = events[-1]
        if last["type"] == "error":
            return f"error {last['error']['type']}"
        assert last["type"] == "message_stop", last
        said = text_of(events)
    else:
        said = "".join(block.get("text", "") for block in response.json["content"])
    return f"said {said}" if said else "silent"


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(("section", "fault"), ROWS,
                         ids=[f"{s}: {fault.name}" for s, fault in ROWS])
def test_the_table(faulty, section, fault, streams):
    upstream, proxy = faulty.upstream, faulty.proxy
    elsewhere = faulty.elsewhere.url.encode()
    steps = fault.steps
    if isinstance(steps, list):
        steps = [s.replace(b"ELSEWHERE", elsewhere) if isinstance(s, bytes) else s for s in steps]
    seen, began = len(upstream.requests), time.monotonic()
    upstream.always(steps)
    try:
        with proxy.connect() as client:
            response = client.post(message(stream=streams))
        took = time.monotonic() - began
    finally:
        upstream.always(saying("Hi"))
    got = outcome(response)
    print(f"{got} after {took:.2f} s: {response.body[:200]}")
    assert re.fullmatch(fault.outcome(streams), got), got
    assert took < SECONDS_MAX
    assert KEY not in response.body.decode() + response.head.decode()
    asked = upstream.requests[seen:]
    assert 1 <= len(asked) <= fault.asks
    if fault.sent_mib_max:
        # What the kernel's buffers take counts as sent.
        assert max(one.sent_bytes for one in asked) < fault.sent_mib_max * MIB
    assert faulty.elsewhere.connection_count == 0, "a redirect was followed"
    # And then everything is well again.
    assert outcome(proxy.post(message(stream=streams))) == "said Hi"


ERROR_BODY_MAX = 64 << 10
PIECE = b"x" * 4096
STATUSES = {400: 400, 401: 500, 404: 404, 429: 429, 500: 500, 502: 502, 503: 529}


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("status", STATUSES)
def test_64_KiB_of_an_error_are_read(faulty, status, streams):
    """Its body has no end. It comes slowly enough that no buffer hides how much is read."""
    head = b"HTTP/1.1 %d X\r\nContent-Type: text/plain\r\n\r\n" % status
    upstream, seen = faulty.upstream, len(faulty.upstream.requests)
    before = faulty.proxy.memory()
    upstream.always(many(PIECE, 1000, head, pause=0.01))
    try:
        response = faulty.proxy.post(message(stream=streams))
    finally:
        upstream.always(saying("Hi"))
    assert response.status == STATUSES[status] and len(response.body) < 2000
    for request in upstream.requests[seen:]:
        assert request.left.wait(DEADLINE)
        sent = request.sent_bytes - len(head)
        print(f"{sent >> 10} KiB were sent")
        # What is sent until the end of the connection is noticed comes on top.
        assert ERROR_BODY_MAX - len(PIECE) <= sent <= ERROR_BODY_MAX + 16 * len(PIECE)
    assert faulty.proxy.memory() - before < 4 * MIB


# What people read when something is wrong at night: what it is, and what to look at.
WORDS = {
    "a NUL in a field": "does not keep to HTTP.*[Nn]ul byte.*CLAUDE_PROXY_UPSTREAM_URL",
    "a field without an end": "does not keep to HTTP .a line of the response head is too long",
    "a head without an end": "the response head is larger than 64 KiB",
    "HTTP/0.9": "does not keep to HTTP",
    "301 to another place": "HTTP 301.* redirects are not followed.*CLAUDE_PROXY_UPSTREAM_URL",
    "the status 204": "HTTP 204.* CLAUDE_PROXY_UPSTREAM_URL",
    "a chunk size that is none": "broke off .*chunked-encoding",
    "ends before the head": "closed the connection without an answer",
    "ends JSON early": "broke off .*998 bytes remaining",
    "silence before the head": "has sent nothing for 0.7 s",
    "64 MiB of HTML": "an HTML page instead of a chat completion",
    "a gzip bomb as an error": r"\d{5} bytes that are no text",
    "a line of 64 MiB": "an event of more than 8",
}


@pytest.mark.parametrize("name", WORDS)
def test_what_is_wrong_is_said(faulty, name):
    [fault] = [fault for _, fault in ROWS if fault.name == name]
    steps = fault.steps
    if isinstance(steps, list):
        steps = [s.replace(b"ELSEWHERE", b"http://x/") if isinstance(s, bytes) else s
                 for s in steps]
    faulty.upstream.always(steps)
    try:
        response = faulty.proxy.post(message())
    finally:
        faulty.upstream.always(saying("Hi"))
    assert re.search(WORDS[name], response.error["message"]), response.error["message"]
    assert "Out of memory" not in response.error["message"]


def test_nothing_is_left_of_it(faulty):
    """Runs last: memory, connections and the log after the whole table."""
    rise = faulty.proxy.memory("VmHWM") - faulty.before
    print(f"peak +{rise / MIB:.1f} MiB")
    assert rise < RISE_MAX
    assert KEY not in "".join(faulty.proxy.lines)
