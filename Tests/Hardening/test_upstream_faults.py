"""The table of upstream faults against the daemon, streamed and not."""

import re
import time

import pytest

from support.client import message, parse_events, text_of
from support.proxy import KEY
from support.upstream import ScriptedUpstream
from upstream_faults import MIB, SECTIONS, saying

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


def test_nothing_is_left_of_it(faulty):
    """Runs last: memory, connections and the log after the whole table."""
    rise = faulty.proxy.memory("VmHWM") - faulty.before
    print(f"peak +{rise / MIB:.1f} MiB")
    assert rise < RISE_MAX
    assert KEY not in "".join(faulty.proxy.lines)
