"""Several upstreams, each a process of its own: killed, stopped, slowed, out of credit, in the midst of
load. Nothing that could be answered goes unanswered, and a stream begins once."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support import DEADLINE, answers
from support.proxy import KEY, run
from support.upstream import ScriptedUpstream, Wait

SCRIPT = Path(__file__).parent / "support" / "named_upstream.py"


class NamedUpstream:
    """One upstream's process."""

    def __init__(self, name, directory):
        self.name = name
        self.moods = directory / f"{name}.mood"
        self.mood = "well"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), self.name, str(self.port), str(self.moods)])
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the upstream does not listen")

    @property
    def mood(self):
        return self.moods.read_text()

    @mood.setter
    def mood(self, mood):
        # Whole, since requests read it at any time.
        new = self.moods.with_suffix(".new")
        new.write_text(mood)
        os.replace(new, self.moods)

    @property
    def asked(self):
        path = Path(f"{self.moods}.asked")
        return [line.split(" ", 1) for line in path.read_text().splitlines()] if path.exists() else []

    def send(self, number):
        self.process.send_signal(number)

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def pair(tmp_path):
    """Two upstreams."""
    upstreams = [NamedUpstream(name, tmp_path) for name in ["first", "second"]]
    yield upstreams
    for upstream in upstreams:
        upstream.close()


SETTINGS = {
    "OPENROUTER_MODEL": "a/one | b/two@second",
    "UPSTREAM_PROFILE": "generic",
    "UPSTREAM_SECOND_KEY": "key-of-the-second-one",
    "FIRST_BYTE_TIMEOUT": "1s",
    "UPSTREAM_IDLE_TIMEOUT": "2s",
    "FALLBACK_AFTER": "500ms",
}


def serve(start, pair, **settings):
    first, second = pair
    return start(
        url=first.url, UPSTREAM_SECOND_URL=second.url, **{**SETTINGS, **settings})


def message(stream=True, **more):
    return {"model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream,
            "messages": [{"role": "user", "content": "Hi"}], **more}


def get(proxy, path):
    return json.loads(proxy.connect().ask("GET", path).body)


class Load:
    """Clients that ask again and again, half of them for streams."""

    def __init__(self, proxy, clients=8):
        self.proxy = proxy
        self.results = []
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(index % 2 == 0,)) for index in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, stream):
        while not self._ends.is_set():
            response = self.proxy.post(message(stream))
            self.results.append((stream, response.status, response.body))

    def end(self):
        self._ends.set()
        for thread in self._threads:
            thread.join()
        return self.results


def judge(results):
    """Every request has one answer, and all but those that were cut in their midst are whole."""
    cut = 0
    for stream, status, body in results:
        assert status == 200, body
        if not stream:
            assert json.loads(body)["content"], body
            continue
        assert body.count(b"event: message_start") == 1, body
        if b"event: message_stop" not in body:
            assert b"event: error" in body and b"content_block_delta" in body, body
            cut += 1
    assert cut <= len(results) / 20, f"{cut} of {len(results)} were cut"


def names(results):
    return [b"second" if b"second" in body else b"first" for _, _, body in results]


@pytest.mark.parametrize("fault", ["killed", "stopped", "slow", "402", "429", "500", "503"])
def test_an_upstream_that_fails_in_the_midst_of_load(start, pair, fault):
    first, second = pair
    proxy = serve(start, pair)
    load = Load(proxy)
    time.sleep(1)
    if fault == "killed":
        first.close()
    elif fault == "stopped":
        first.send(signal.SIGSTOP)
    else:
        first.mood = fault
    time.sleep(4)
    if fault == "stopped":
        first.send(signal.SIGCONT)
    results = load.end()
    assert len(results) > 50
    judge(results)
    assert set(names(results)) == {b"first", b"second"}
    assert {key for _, key in first.asked} == {f"Bearer {KEY}"}
    assert {(model, key) for model, key in second.asked} == {
        ("b/two", "Bearer key-of-the-second-one")}
    # It is left alone, not asked for each request, and that is told once.
    told = [line for line in proxy.lines if "8c1f0a5be3d94f4c9a4b7f25c0a9d7e1" in line]
    assert len(told) <= 2, told


def test_an_upstream_comes_back(start, pair):
    first, second = pair
    proxy = serve(start, pair)
    first.close()
    for _ in range(4):
        assert b"second" in proxy.post(message()).body
    first.start()
    deadline = time.monotonic() + 30
    while b"first" not in proxy.post(message()).body:
        assert time.monotonic() < deadline, "it is never asked again"
        time.sleep(0.5)
    proxy.wait_for_log("the upstream main works again")
    health = get(proxy, "/health")
    assert [one["state"] for one in health["upstreams"]] == ["healthy", "healthy"]


def test_what_is_seen_of_a_fallback(start, pair):
    first, _ = pair
    first.mood = "402"
    proxy = serve(start, pair)
    response = proxy.post(
        message(False),
        {"x-claude-code-agent-id": "a7", "x-claude-code-agent-type": "Explore"})
    assert response.header("x-claude-proxy-upstream") == "second"
    assert response.header("x-claude-proxy-model") == "b/two"
    assert response.header("x-claude-proxy-attempts") == "2"
    record = proxy.wait_for_records(1)[0]
    for name, value in {
        "upstream": "second", "attempts": 2, "fallback_from": "a/one",
        "fallback_reason": "out_of_credit", "agent_id": "a7", "agent_type": "Explore",
    }.items():
        assert str(record[name]) == str(value), (name, record)
    health = get(proxy, "/health")
    assert health["upstreams"][0]["state"] == "left_alone"
    assert health["upstreams"][0]["keys_left_alone"] == 1
    ids = [model["id"] for model in get(proxy, "/v1/models")["data"]]
    assert "b/two@second" in ids


def test_all_upstreams_are_gone(start, pair):
    first, second = pair
    proxy = serve(start, pair)
    first.close()
    second.close()
    response = proxy.post(message())
    assert response.status == 500 and b"in vain" in response.body
    second.start()
    assert b"second" in proxy.post(message()).body


def test_a_spent_key_is_remembered_over_a_restart(start, pair, tmp_path):
    first, _ = pair
    state = tmp_path / "state"
    state.mkdir()
    first.mood = "402"
    proxy = serve(start, pair, state=state)
    assert b"second" in proxy.post(message()).body
    proxy.stop()
    text = (state / "cooldowns.json").read_text()
    assert "out_of_credit" in text and KEY not in text
    first.mood = "well"
    count = len(first.asked)
    proxy = serve(start, pair, state=state)
    assert b"second" in proxy.post(message()).body and len(first.asked) == count
    # Another key owes nothing for the old one.
    proxy.stop()
    proxy = serve(start, pair, state=state, OPENROUTER_API_KEY="another-key-of-mine")
    assert b"first" in proxy.post(message()).body


def test_workers_share_what_they_know(start, pair):
    first, _ = pair
    first.mood = "402"
    proxy = serve(start, pair, WORKERS="4")
    for _ in range(24):
        # A connection each, so that all workers have some.
        assert b"second" in proxy.post(message()).body
    assert len(first.asked) == 1


def test_another_answers_after_pings(start, upstream):
    other = ScriptedUpstream()
    try:
        proxy = start(
            OPENROUTER_MODEL="a/one | b/two@other", UPSTREAM_OTHER_URL=other.url,
            STATUS_HOLD="100ms", PING_INTERVAL="100ms")
        gate = threading.Event()
        upstream.will([answers.STREAM_HEAD, answers.chunked(b": busy\n\n"), Wait(gate),
                       answers.event({"error": {"code": 500, "message": "no"}}),
                       answers.STREAM_END])
        other.will(answers.saying("Hello"))
        client = proxy.connect()
        client.begin(message())
        time.sleep(0.5)
        gate.set()
        response = client.response()
        assert response.status == 200 and response.body.count(b"event: message_start") == 1
        assert response.body.index(b"event: ping") < response.body.index(b"event: message_start")
        assert b"Hello" in response.body and b"event: error" not in response.body
        assert other.requests[0].json["model"] == "b/two"
        record = proxy.wait_for_records(1)[0]
        assert record["outcome"] == "completed" and record["upstream"] == "other"
    finally:
        other.close()


def test_faults_are_told_at_once(tmp_path):
    result = run(
        ["check-config"], tmp_path,
        {
            "OPENROUTER_API_KEY": "k", "CLAUDE_PROXY_UPSTREAM_GROQ_URL": "https://g.example/v1",
            "OPENROUTER_MODEL": "a | b@gorq", "CLAUDE_PROXY_UPSTREAM_IDLE_URL": "https://x.example",
            "CLAUDE_PROXY_UPSTREAM_FAR_KEY": "secret-of-far", "CLAUDE_PROXY_ROUTES": "nobody=a",
        })
    assert result.returncode != 0
    text = result.stdout + result.stderr
    for words in ["did you mean groq?", "IDLE cannot be the name", "no upstream far",
                  "is no kind of request"]:
        assert words in text, text
    assert "secret-of-far" not in text


def test_doctor_looks_at_every_upstream(pair, tmp_path):
    first, second = pair
    result = run(
        ["doctor"], tmp_path,
        {
            "CLAUDE_PROXY_UPSTREAM_URL": first.url, "OPENROUTER_API_KEY": "k1,k2",
            "CLAUDE_PROXY_UPSTREAM_SECOND_URL": second.url,
            "CLAUDE_PROXY_UPSTREAM_UNUSED_URL": "http://127.0.0.1:9/v1",
            "CLAUDE_PROXY_UPSTREAM_THIRD_URL": second.url,
            "OPENROUTER_MODEL": "a/one | b/two@second", "CLAUDE_PROXY_LISTEN": "127.0.0.1:1",
        })
    assert "round trip (second)" in result.stdout, result.stdout + result.stderr
    assert "no chain names a model of it" in result.stdout, result.stdout
    # Nobody listens there, and nobody asks there.
    lines = [line for line in result.stdout.splitlines() if "connection (unused)" in line]
    assert len(lines) == 1 and lines[0].startswith("warn"), result.stdout
    assert "2 keys, set" in result.stdout, result.stdout
    assert ["a/one", "Bearer k1"] in first.asked and ["b/two", ""] in second.asked
