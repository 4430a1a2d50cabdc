"""A soak: mixed traffic with faults at a fixed rate, for minutes or days. `make soak MINUTES=10`.

Every client knows what it must get; a wrong answer fails the run. So does growth: of memory by more
than 2 MiB after the warm-up, or of descriptors or upstream connections by more than a few. Prints a
table.
"""

import argparse
import asyncio
import gzip
import json
import logging
import os
import random
import resource
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "EndToEnd"))

from support import answers  # noqa: E402
from support.client import JSON_FIELDS, message, request_bytes  # noqa: E402
from support.proxy import KEY, Proxy  # noqa: E402

RISE_MAX_MIB = 2.0
# What may be open more or less at a moment, by chance.
CHANCE = 24
PATIENCE = 30

SETTINGS = {
    "FIRST_BYTE_TIMEOUT": "1s", "UPSTREAM_IDLE_TIMEOUT": "1s", "HEAD_TIMEOUT": "1s",
    "BODY_TIMEOUT": "1s",
    "IDLE_TIMEOUT": "5s", "CONNECT_TIMEOUT": "2s", "LOG_LEVEL": "notice",
}


# The upstream -------------------------------------------------------------------------------------


class Upstream:
    """Does what the text of the request says."""

    def __init__(self):
        self.open = 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024,
            limit=1 << 24)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

    async def serve(self, reader, writer):
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                # A text may be followed by filling.
                how = body["messages"][0]["content"].split(" ")[0]
                if not await getattr(self, how)(writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def say(self, writer, parts, pause=0.0):
        for part in parts:
            if writer.is_closing():
                raise ConnectionResetError
            writer.write(part)
            if pause:
                await asyncio.sleep(pause)
        await writer.drain()
        return True

    async def short(self, writer):
        return await self.say(writer, answers.saying("Hello, ", "world"))

    async def long(self, writer):
        await self.say(writer, [answers.STREAM_HEAD])
        return await self.say(writer, [*answers.text(*["word "] * 40), *answers.ending()], 0.02)

    async def call(self, writer):
        return await self.say(writer, answers.calling("f", '{"a": "' + "x" * 2000 + '"}',
            pieces=20))

    async def wide(self, writer):
        await self.say(writer, [answers.STREAM_HEAD])
        for _ in range(32):
            await self.say(writer, answers.text("x" * 16384))
        return await self.say(writer, answers.ending())

    async def refuse(self, writer):
        return await self.say(writer, answers.failing(random.choice([400, 404, 429, 500]),
            f"bad key {KEY}"))

    async def page(self, writer):
        return await self.say(writer, answers.whole(502, b"<html>" + b"x" * 200_000, "text/html"))

    async def cut(self, writer):
        await self.say(writer, [answers.STREAM_HEAD, *answers.text("Hel")])
        return False

    async def reset(self, writer):
        await self.say(writer, [answers.STREAM_HEAD, *answers.text("Hel")])
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False

    async def silent(self, writer):
        await self.say(writer, [answers.STREAM_HEAD])
        await asyncio.sleep(5)
        return False

    async def junk(self, writer):
        await self.say(writer, [answers.STREAM_HEAD, answers.chunked(b"data: nonsense\n\n" * 100)])
        return False

    async def line(self, writer):
        await self.say(writer, [answers.STREAM_HEAD])
        for _ in range(160):
            await self.say(writer, [answers.chunked(b"x" * 65536)])
        return False


# The clients --------------------------------------------------------------------------------------


class Clients:
    def __init__(self, address):
        self.address = address
        self.counts = Counter()
        self.wrong = Counter()

    def request(self, how, stream, filling="", **fields):
        body = message(stream=stream, messages=[{"role": "user", "content": f"{how} {filling}"}])
        return request_bytes("POST", "/v1/messages", body, {**JSON_FIELDS, **fields})

    async def ask(self, data, pace=0.0):
        """The whole answer, from a connection of its own."""
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(data)
            answer = b""
            while not self.is_complete(answer):
                part = await asyncio.wait_for(reader.read(1 << 14 if pace else 1 << 18), PATIENCE)
                if not part:
                    break
                answer += part
                if pace:
                    await asyncio.sleep(pace)
            return answer
        finally:
            writer.close()

    @staticmethod
    def is_complete(answer):
        head, mark, body = answer.partition(b"\r\n\r\n")
        if not mark:
            return False
        if b"chunked" in head:
            return body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
        return len(body) >= int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])

    async def good(self, how, stream, mark, filling="", pace=0.0):
        answer = await self.ask(self.request(how, stream, filling), pace)
        ends = b"message_stop" if stream else b'"stop_reason"'
        return answer.startswith(b"HTTP/1.1 200") and mark in answer and ends in answer

    async def bad(self, how, stream):
        answer = await self.ask(self.request(how, stream))
        told = b"event: error" in answer or answer[9:10] in b"45"
        return told and b"message_stop" not in answer and KEY.encode() not in answer

    async def leave(self, how, stream, after):
        _, writer = await asyncio.open_connection(*self.address)
        writer.write(self.request(how, stream))
        await asyncio.sleep(after)
        if random.random() < 0.5:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()
        return True

    async def raw(self, data, status):
        return (await self.ask(data)).startswith(b"HTTP/1.1 %d" % status)

    async def idle(self):
        reader, writer = await asyncio.open_connection(*self.address)
        data = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        return data == b""

    async def kept(self):
        """Five requests on one connection."""
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            for _ in range(5):
                writer.write(self.request("short", False))
                answer = b""
                while not self.is_complete(answer):
                    answer += await asyncio.wait_for(reader.read(1 << 16), PATIENCE)
                if b'"stop_reason"' not in answer:
                    return False
            return True
        finally:
            writer.close()

    def choices(self):
        """A client, and how often of a hundred."""
        stream = random.random() < 0.5
        broken = random.choice(["refuse", "page", "cut", "reset", "silent", "junk", "line"])
        packed = gzip.compress(json.dumps(message(messages=[{"role": "user",
            "content": "short"}])).encode())
        yield 24, "short answer", lambda: self.good("short", stream, b"world")
        yield 14, "long stream", lambda: self.good("long", True, b"word")
        yield 6, "tool call", lambda: self.good("call", stream, b"tool_use")
        yield 4, "wide stream, slow reader", lambda: self.good("wide", True, b"xxx", pace=0.01)
        yield 4, "large request", lambda: self.good("short", stream, b"world", "y" * 500_000)
        yield 4, "kept connection", self.kept
        yield 20, "upstream fault", lambda: self.bad(broken, stream)
        yield 10, "client leaves", lambda: self.leave(
            random.choice(["short", "long", "silent", "wide"]), stream,
            random.choice([0, 0.001, 0.05, 0.3]))
        yield 3, "idle connection", self.idle
        yield 3, "no JSON", lambda: self.raw(request_bytes("POST", "/v1/messages", b"{",
            JSON_FIELDS), 400)
        yield 2, "no HTTP", lambda: self.raw(b"nonsense\r\n\r\n", 400)
        yield 2, "half a request", lambda: self.raw(b"POST /v1/messages HTTP/1.1\r\nHost", 408)
        yield 2, "gzip", lambda: self.raw(request_bytes(
            "POST", "/v1/messages", packed, {**JSON_FIELDS, "content-encoding": "gzip"}), 200)
        yield 2, "count and models", lambda: self.raw(request_bytes(
            "POST", "/v1/messages/count_tokens", message(), JSON_FIELDS), 200)

    async def one(self):
        choices = list(self.choices())
        _, name, run = random.choices(choices, [weight for weight, _, _ in choices])[0]
        self.counts[name] += 1
        try:
            if not await run():
                self.wrong[name] += 1
        except (ConnectionError, OSError, TimeoutError, IndexError, asyncio.TimeoutError) as error:
            self.wrong[f"{name}: {error!r}"] += 1


# The run ------------------------------------------------------------------------------------------


class Sample:
    def __init__(self, proxy, upstream):
        self.at = time.monotonic()
        self.memory = proxy.memory() / (1 << 20)
        self.files = len(os.listdir(f"/proc/{proxy.process.pid}/fd"))
        self.upstreams = upstream.open
        fields = Path(f"/proc/{proxy.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def window(samples, figure):
    """The median: a moment of much, such as a large answer under way, does not count."""
    return statistics.median(getattr(sample, figure) for sample in samples)


async def soak(minutes, rate, seed):
    random.seed(seed)
    # It reports every client that has left; here they do nothing else.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    upstream = Upstream()
    proxy = Proxy(tempfile.mkdtemp(), await upstream.start(), **SETTINGS)
    clients, samples, tasks = Clients(proxy.address), [], set()
    began = time.monotonic()
    end, row = began + minutes * 60, 0.0
    every = max(10.0, minutes * 60 / 15)
    print(f"{'minute':>8} {'requests':>9} {'wrong':>6} {'RSS MiB':>8} {'files':>6} {'upstream':>9} {'CPU %':>6}")
    try:
        while (now := time.monotonic()) < end:
            due = int((now - began) * rate) - clients.counts.total()
            for _ in range(min(due, 100)):
                task = asyncio.create_task(clients.one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            if not samples or now - samples[-1].at >= 0.25:
                samples.append(Sample(proxy, upstream))
            if now - began >= row:
                last = samples[-1]
                print(f"{(now - began) / 60:8.1f} {clients.counts.total():9} {clients.wrong.total():6}"
                      f" {last.memory:8.1f} {last.files:6} {last.upstreams:9}"
                      f" {last.cpu / max(now - began, 1) * 100:6.1f}", flush=True)
                row += every
            await asyncio.sleep(0.02)
        await asyncio.wait(tasks, timeout=PATIENCE + 10)
        # At rest: idle clients are closed after 5 s.
        await asyncio.sleep(7)
        rest = Sample(proxy, upstream)
    finally:
        proxy.stop()
    return clients, samples, rest


def report(clients, samples, rest):
    """What is wrong."""
    duration = samples[-1].at - samples[0].at
    # A fifth of the time, or two minutes, is warm-up; then a window at the begin is compared with
    # one at the end.
    warm = [s for s in samples if s.at - samples[0].at > min(duration / 3, 120)]
    size = max(8, len(warm) // 4)
    first, last = warm[:size], warm[-size:]
    print(f"\n{'':>24}{'after warm-up':>14}{'at the end':>12}{'at rest':>9}")
    for figure, name, most in [("memory", "RSS, MiB", RISE_MAX_MIB),
        ("files", "descriptors", CHANCE),
                               ("upstreams", "upstream connections", CHANCE)]:
        before, after = window(first, figure), window(last, figure)
        print(f"{name:>24}{before:14.1f}{after:12.1f}{getattr(rest, figure):9.1f}")
        if after - before > most:
            yield f"{name} grew by {after - before:.1f}"
    print()
    for name, count in clients.counts.most_common():
        print(f"{name:>28}{count:8}")
    for name, count in clients.wrong.items():
        yield f"{count} times wrong: {name}"
    # Idle upstream connections are kept for the next request, clients' are not.
    if rest.files - rest.upstreams > 24:
        yield f"{rest.files} descriptors are open at rest"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=40, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    wrong = list(report(*asyncio.run(soak(arguments.minutes, arguments.rate, arguments.seed))))
    for fault in wrong:
        print(f"soak: {fault}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
