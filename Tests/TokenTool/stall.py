#!/usr/bin/env python3
"""Measures what token counts do to streams on the same loop.

    stall.py PROXY_BINARY [ROUNDS]

An upstream streams an event every 2 ms to each of eight clients; the delay is from the moment an
event leaves the upstream to the moment it is at the client. Rounds alternate: without load, and
with 24 counts of 200 KB at once, again and again, all with text that was never counted before. Last,
a message of 200 KB, new and as it was before, to an upstream that answers at once.
"""

import json
import multiprocessing
import os
import random
import re
import select
import socket
import statistics
import subprocess
import sys
import threading
import time

STREAMS = 8
SECONDS = 4
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
WORDS = [word for word in open(__file__).read().split() if word.isprintable()]


def chunk(content, **more):
    value = {"id": "g", "choices": [{"index": 0, "delta": {"content": content}, **more}]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
    while len(body) < length:
        body += connection.recv(1 << 20)
    return body


def upstream(listener):
    """One thread that serves all streams, so that its own delays are small."""
    streams = []

    def accept():
        while True:
            connection, _ = listener.accept()
            body = read_request(connection)
            if b"AT ONCE" in body:
                connection.sendall(HEAD + chunk("ok", finish_reason="stop") + b"data: [DONE]\n\n")
                connection.close()
            else:
                connection.sendall(HEAD)
                streams.append([connection, time.monotonic() + SECONDS])

    threading.Thread(target=accept, daemon=True).start()
    while True:
        time.sleep(0.002)
        for stream in list(streams):
            connection, end = stream
            if time.monotonic() > end:
                connection.sendall(chunk("", finish_reason="stop") + b"data: [DONE]\n\n")
                connection.close()
                streams.remove(stream)
            else:
                connection.sendall(chunk(f"@{time.monotonic_ns()}@"))


def post(port, path, body):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def request(text, **more):
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "m", "max_tokens": 9, "messages": messages, **more}).encode()


def text_of(size, generator):
    parts = []
    while size > 0:
        parts.append(generator.choice(WORDS))
        size -= len(parts[-1]) + 1
    return " ".join(parts)


def count_load(port, until, seed, results):
    generator = random.Random(seed)
    done, times = 0, []
    while time.monotonic() < until:
        bodies = [request(text_of(200_000, generator)) for _ in range(24)]
        begun = time.monotonic()
        connections = [post(port, "/v1/messages/count_tokens", body) for body in bodies]
        for connection in connections:
            while connection.recv(1 << 16):
                pass
            done += 1
        times.append(time.monotonic() - begun)
    results.put((done, times))


def stream_delays(port):
    connections = [post(port, "/v1/messages", request("go", stream=True)) for _ in range(STREAMS)]
    delays = []
    buffers = {connection: b"" for connection in connections}
    while buffers:
        for connection in select.select(list(buffers), [], [])[0]:
            data = connection.recv(1 << 16)
            now = time.monotonic_ns()
            if not data:
                del buffers[connection]
                continue
            data = buffers[connection] + data
            for sent in re.findall(rb"@(\d+)@", data):
                delays.append((now - int(sent)) / 1e6)
            buffers[connection] = data[data.rfind(b"@") + 1 :]
    return sorted(delays)


def show(name, delays):
    at = lambda part: delays[min(len(delays) - 1, int(len(delays) * part))]
    print(f"{name}: {len(delays)} events, p50 {at(.5):.2f} ms, p99 {at(.99):.2f} ms, "
          f"p99.9 {at(.999):.2f} ms, longest {delays[-1]:.2f} ms")  # fmt: skip


def message_times(port, bodies):
    times = []
    for body in bodies:
        begun = time.monotonic()
        connection = post(port, "/v1/messages", body)
        connection.recv(1 << 16)
        times.append((time.monotonic() - begun) * 1e3)
        connection.close()
        time.sleep(0.05)
    return statistics.median(times)


def main():
    binary, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    listener = socket.create_server(("127.0.0.1", 0))
    server = multiprocessing.Process(target=upstream, args=(listener,), daemon=True)
    server.start()
    proxy = subprocess.Popen(
        [binary, "serve"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={"CLAUDE_PROXY_LISTEN": "127.0.0.1:0", "CLAUDE_PROXY_UPSTREAM_PROFILE": "generic",
             "CLAUDE_PROXY_MODELS_REFRESH": "0s", "PATH": os.environ["PATH"],
             "CLAUDE_PROXY_UPSTREAM_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/v1"})
    try:
        for line in proxy.stderr:
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
                break
        threading.Thread(target=lambda: [0 for _ in proxy.stderr], daemon=True).start()
        results = multiprocessing.Queue()
        for round_ in range(rounds):
            show("quiet   ", stream_delays(port))
            load = multiprocessing.Process(
                target=count_load, args=(port, time.monotonic() + SECONDS, round_, results))
            load.start()
            show("counting", stream_delays(port))
            done, times = results.get()
            load.join()
            print(f"          {done} counts of 200 KB, 24 at once in {min(times) * 1e3:.0f} ms")
        generator = random.Random(9)
        texts = ["AT ONCE " + text_of(200_000, generator) for _ in range(41)]
        small = message_times(port, [request("AT ONCE", stream=True)] * 40)
        new = message_times(port, [request(text, stream=True) for text in texts[1:]])
        known = message_times(port, [request(texts[0], stream=True)] * 40)
        print(f"message until its first byte, p50: {small:.2f} ms short, {new:.2f} ms of 200 KB that "
              f"is new, {known:.2f} ms of 200 KB that was counted")
    finally:
        proxy.terminate()
        proxy.wait()
        server.terminate()


main()
