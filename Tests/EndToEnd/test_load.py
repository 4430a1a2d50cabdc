"""Many streams at once, and one that nobody takes."""

import threading
import time

import pytest

from support import DEADLINE, answers
from support.client import message, text_of
from support.upstream import Signal

STREAMS = 200
PIECES = 100


def test_200_streams_at_once_are_exact(upstream, proxy):
    together = threading.Barrier(STREAMS)

    def script(request):
        name = request.json["messages"][0]["content"]
        yield answers.STREAM_HEAD
        together.wait(DEADLINE)
        for number in range(PIECES):
            yield answers.piece({"content": f"{name}:{number};"})
        yield from answers.ending()

    upstream.always(script)
    results = {}

    def take(name):
        with proxy.connect() as client:
            messages = [{"role": "user", "content": name}]
            client.begin(message(stream=True, messages=messages))
            response = client.response()
            results[name] = (response.status, response.events)

    names = [f"stream-{index}" for index in range(STREAMS)]
    threads = [threading.Thread(target=take, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for name in names:
        status, events = results[name]
        assert status == 200
        assert text_of(events) == "".join(f"{name}:{number};" for number in range(PIECES))
        assert events[-1]["type"] == "message_stop"
    assert len(proxy.wait_for_records(STREAMS)) == STREAMS


@pytest.mark.release
def test_a_slow_reader_holds_the_upstream_back(upstream, proxy):
    part, parts = 16 << 10, 4 << 10  # 64 MiB of text
    sent = threading.Event()

    def script(_):
        yield answers.STREAM_HEAD
        for number in range(parts):
            yield answers.piece({"content": f"{number:08d}" * (part // 8)})
        yield Signal(sent)
        yield from answers.ending()

    upstream.will(script)
    before = proxy.memory()
    with proxy.connect(receive_buffer=64 << 10) as client:
        client.begin(message(stream=True))
        client.response_head()
        request = upstream.request()
        # The upstream stands still when all buffers on the way are full.
        progress, since = -1, time.monotonic()
        while time.monotonic() - since < 0.3:
            if request.sent_bytes != progress:
                progress, since = request.sent_bytes, time.monotonic()
            time.sleep(0.01)
        assert progress < 32 << 20 and not sent.is_set()
        client.socket.settimeout(DEADLINE)
        number = 0
        for value, _ in client.events():
            if value["type"] == "content_block_delta":
                assert value["delta"]["text"] == f"{number:08d}" * (part // 8)
                number += 1
        assert (number, value["type"]) == (parts, "message_stop")
    rise = proxy.memory("VmHWM") - before
    print(f"the proxy grew by {rise / (1 << 20):.1f} MiB")
    assert rise < 32 << 20
