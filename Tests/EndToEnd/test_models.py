"""The list of the upstream's models: fetched in the background, kept on disk, shared by workers."""

import json
import signal
import stat
import threading
import time

import pytest

from support import DEADLINE
from support.answers import STREAM_HEAD, ending, failing, piece, saying, whole
from support.client import message
from support.upstream import RESET, UNTIL_LEFT, Wait

LIST = {"data": [
    {"id": "openai/gpt-oss-120b", "name": "OpenAI: gpt-oss-120b", "context_length": 131072,
     "top_provider": {"max_completion_tokens": 65536},
     "supported_parameters": ["max_tokens", "tools"]},
    {"id": "z-ai/glm-5", "name": "Z.AI: GLM 5", "context_length": 200000},
]}


def listing(value=LIST):
    return whole(200, value)


def serving(models, answer=None):
    """A script for both resources."""
    return lambda request: models if request.path.endswith("/models") else answer


# The head of an answer that will not come whole.
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"


def models(proxy):
    answer = proxy.ask("GET", "/v1/models?limit=1000", fields={"anthropic-version": "1"})
    assert answer.status == 200
    return [model["id"] for model in answer.json["data"]]


def until(condition):
    """Waits for a condition that the proxy gives no sign of."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def health(proxy):
    return proxy.ask("GET", "/health").json


def test_the_list_is_fetched_once_with_the_key(upstream, start):
    upstream.always(serving(listing(), saying("Hi")))
    proxy = start(MODELS_REFRESH="1h")
    until(lambda: health(proxy)["models"] == 2)
    request = upstream.request(0)
    assert (request.method, request.path, request.body) == ("GET", "/api/v1/models", b"")
    assert request.header("authorization").startswith("Bearer ")
    assert request.header("content-length") is None
    assert "claude-z-ai/glm-5" in models(proxy)
    # The same connection carries the messages, as POST again.
    assert proxy.post(message(model="claude-z-ai/glm-5")).status == 200
    asked = upstream.request(1)
    assert (asked.method, asked.json["model"]) == ("POST", "z-ai/glm-5")
    assert proxy.post(message()).status == 200
    assert [one.path.rsplit("/", 1)[1] for one in upstream.requests] == [
        "models", "completions", "completions"]


def test_nothing_waits_for_the_list(upstream, start):
    goes_on = threading.Event()
    upstream.always(serving([HEAD, Wait(goes_on)], saying("Hi")))
    proxy = start(MODELS_REFRESH="1h")
    upstream.wait_for_requests(1)
    begin = time.monotonic()
    assert proxy.post(message()).status == 200
    assert models(proxy)[1] == "openai/gpt-oss-120b"
    assert time.monotonic() - begin < 3
    goes_on.set()


def test_the_list_outlives_the_process(upstream, start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    upstream.always(serving(listing()))
    first = start(MODELS_REFRESH="1h", state=state)
    until(lambda: health(first)["models"] == 2)
    until(lambda: list(state.glob("models-*.json")))
    [file] = state.glob("models-*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first.stop()

    second = start(MODELS_REFRESH="1h", state=state)
    until(lambda: health(second)["models"] == 2)
    assert health(second)["models_age_seconds"] < 60
    assert len(upstream.requests) == 1, "a fresh list is not fetched again"
    second.stop()

    # Age makes it be fetched again, but it is in use at once.
    upstream.always(serving([UNTIL_LEFT]))
    text = file.read_bytes().split(b"\n", 1)
    header = json.loads(text[0])
    header["fetched_at"] -= 7200
    file.write_bytes(json.dumps(header).encode() + b"\n" + text[1])
    third = start(MODELS_REFRESH="1h", state=state)
    upstream.wait_for_requests(2)
    assert health(third)["models"] == 2 and "z-ai/glm-5" in models(third)


@pytest.mark.parametrize("content", [
    b"", b"\0" * 5000, b"{}\n", b'{"version":1}\n{"data":[]}', b"x" * (9 << 20), None])
def test_a_damaged_file_is_no_obstacle(upstream, start, tmp_path, content):
    state = tmp_path / "state"
    state.mkdir()
    upstream.always(serving(listing()))
    first = start(MODELS_REFRESH="1h", state=state)
    until(lambda: list(state.glob("models-*.json")))
    first.stop()
    [file] = state.glob("models-*.json")
    whole = file.read_bytes()
    if content is None:
        file.unlink()
        file.symlink_to("/dev/zero")
    else:
        file.write_bytes(content)
    second = start(MODELS_REFRESH="1h", state=state)
    until(lambda: health(second)["models"] == 2)
    until(lambda: file.is_file() and not file.is_symlink() and len(file.read_bytes()) == len(whole))
    assert list(state.glob("*models-*")) == [file], "nothing else is left behind"


def test_a_directory_that_cannot_be_written_is_told(upstream, start, tmp_path):
    upstream.always(serving(listing()))
    proxy = start(MODELS_REFRESH="1h", state=tmp_path / "nowhere")
    proxy.wait_for_log("could not be written to the state directory")
    until(lambda: health(proxy)["models"] == 2)


@pytest.mark.parametrize("script, reason", [
    (whole(404, b"no"), "HTTP 404"),
    (whole(200, b"<p>Hi</p>", "text/html"), "no list of models"),
    (listing({"data": []}), "no list of models"),
    (listing(b'{"data":[{"id":"a"}'), "no list of models"),
    ([HEAD, b"{", RESET], "Recv failure"),
    (whole(302, b"", Location="http://127.0.0.1:1/models"), "HTTP 302"),
])
def test_no_list_is_no_obstacle(upstream, start, script, reason):
    upstream.always(serving(script, saying("Hi")))
    proxy = start(MODELS_REFRESH="1h")
    line = proxy.wait_for_log("list of models is not to be had")
    assert reason in line["message"]
    assert proxy.post(message()).status == 200
    assert health(proxy)["models"] == 0


def test_a_list_without_end_is_given_up(upstream, start):
    piece = b'{"id":"a","x":"' + b"y" * 65000 + b'"},'
    pieces = [piece] * (34 * 16)
    upstream.always(serving(
        [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
         b'{"data":[', *pieces, b"]}", RESET], saying("Hi")))
    proxy = start(MODELS_REFRESH="1h")
    proxy.wait_for_log("list of models is not to be had")
    assert proxy.memory("VmHWM") < 100 << 20
    assert proxy.post(message()).status == 200


def test_every_worker_knows_the_list(upstream, start):
    upstream.always(serving(listing(), saying("Hi")))
    proxy = start(MODELS_REFRESH="1h", WORKERS="3")
    for _ in range(12):
        until(lambda: health(proxy)["models"] == 2)
    assert len(upstream.requests) == 1


def test_without_a_key_openrouter_is_not_asked(upstream, start):
    upstream.always(serving(listing()))
    proxy = start(MODELS_REFRESH="1h", OPENROUTER_API_KEY=None)
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_log("the configuration was reloaded")
    assert health(proxy)["models"] == 0 and not upstream.requests


def test_a_reload_goes_to_the_new_upstream(upstream, start, tmp_path):
    file = tmp_path / "config.env"
    lines = "CLAUDE_PROXY_MODELS_REFRESH=1h\nCLAUDE_PROXY_UPSTREAM_URL={}\n"
    file.write_text(lines.format(upstream.url))
    upstream.always(serving(listing()))
    proxy = start(["--config", str(file)], url=None, MODELS_REFRESH=None)
    until(lambda: health(proxy)["models"] == 2)
    upstream.always(serving(listing({"data": [{"id": "other/model"}]})))
    file.write_text(lines.format(upstream.url.replace("/api/v1", "/other")))
    proxy.signal(signal.SIGHUP)
    until(lambda: health(proxy)["models"] == 1)
    assert upstream.request(1).path == "/other/models"
    ids = models(proxy)
    assert "claude-other/model" in ids and "z-ai/glm-5" not in ids


def test_a_drain_waits_for_no_list(upstream, start):
    upstream.always(serving([UNTIL_LEFT]))
    proxy = start(MODELS_REFRESH="1h")
    upstream.wait_for_requests(1)
    begin = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0 and time.monotonic() - begin < 5
    assert upstream.requests[0].left.wait(DEADLINE)


def test_certain_overflow_is_refused_without_an_upload(upstream, start):
    upstream.always(serving(listing(), saying("Hi")))
    proxy = start(MODELS_REFRESH="1h")
    until(lambda: health(proxy)["models"] == 2)
    text = "one two three four five six seven " * 60_000
    answer = proxy.post(message(messages=[{"role": "user", "content": text}]))
    assert answer.status == 400 and len(upstream.requests) == 1
    error = answer.json["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith("prompt is too long: ")
    assert error["message"].endswith(" tokens > 131072 maximum")
    until(lambda: any(one["outcome"] == "failed" for one in proxy.records))


def test_the_answer_is_clamped_and_priced(upstream, start):
    priced = {"data": [{**LIST["data"][0], "pricing": {
        "prompt": "0.000001", "completion": "0.00001", "input_cache_read": "0.0000001"}}]}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
             "prompt_tokens_details": {"cached_tokens": 800}}
    upstream.always(serving(listing(priced), saying("Hi", usage=usage)))
    proxy = start(MODELS_REFRESH="1h")
    until(lambda: health(proxy)["models"] == 1)
    answer = proxy.post(message(max_tokens=128000, temperature=1))
    assert answer.header("x-claude-proxy-dropped") == "temperature"
    assert upstream.request(1).json["max_tokens"] == 65536
    # The looks at /health have records too.
    until(lambda: any("upstream_model" in one for one in proxy.records))
    [record] = [one for one in proxy.records if "upstream_model" in one]
    assert record["cost_usd"] == "0.00128" and record["cost_source"] == "list"
    assert record["cache_saving_usd"] == "0.00072"
    sums = health(proxy)["usage"]
    assert (sums["cost_usd"], sums["cache_saving_usd"]) == ("0.00128", "0.00072")
    assert (sums["input_tokens"], sums["cache_read_tokens"]) == (200, 800)


def test_a_prompt_that_begins_anew_is_told(upstream, start):
    upstream.always(saying("Hi"))
    proxy = start(WORKERS="1")  # each worker remembers the turns that it has served
    secret = "Nobody may read this in a log."
    turns = [{"role": "user", "content": secret}]
    fields = {"x-claude-code-session-id": "7d0e0f9c-session"}
    for number in range(3):
        system = "A system prompt." if number < 2 else "Another one."
        assert proxy.post(message(messages=turns, system=system), fields).status == 200
        turns += [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": secret}]
    line = proxy.wait_for_log("does not begin as in its last turn")
    assert line["level"] == "warning" and "messages.0 (system), its bytes 0" in line["message"]
    log = "".join(proxy.lines)
    assert log.count("does not begin as in its last turn") == 1
    assert secret not in log and "7d0e0f9c" not in log and "Another one" not in log
    assert upstream.request(0).json["session_id"].startswith(line["session_id"])
    assert health(proxy)["usage"]["prefix_breaks"] == 1


def test_a_session_stays_with_its_provider(upstream, start):
    answers = [
        *text_from("DeepInfra", "a"), *ending(),
    ]
    upstream.will([STREAM_HEAD, *answers], failing(429, "busy"), [STREAM_HEAD, *answers])
    proxy = start(PIN_PROVIDER="true", WORKERS="1")  # each worker has its own pins
    fields = {"x-claude-code-session-id": "one"}
    statuses = [proxy.post(message(), fields).status for _ in range(3)]
    assert statuses == [200, 429, 200]
    asked = [request.json.get("provider") for request in upstream.requests]
    pin = {"order": ["deepinfra"], "allow_fallbacks": True}
    assert asked == [None, pin, None]


def text_from(provider, text):
    return [piece({"role": "assistant", "content": text}, provider=provider)]
