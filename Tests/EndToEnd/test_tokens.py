"""Token counts: of the translated request, learnt from the upstream, and never in a stream's way."""

import json
import threading
import time

import pytest
from support import DEADLINE, answers
from support.client import message
from support.proxy import under_sanitizers
from support.upstream import Wait

WORDS = "The quick brown fox jumps over the lazy dog, then it sleeps until noon. "


def count(proxy, **body):
    response = proxy.post(
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **body},
        path="/v1/messages/count_tokens")
    assert response.status == 200 and set(response.json) == {"input_tokens"}
    return response.json["input_tokens"]


def calibrations(proxy):
    return proxy.ask("GET", "/health").json["token_calibration"]


def talk(number):
    """A conversation of its own for each number."""
    return [{"role": "user", "content": f"{number}: " + WORDS * (40 + 37 * number % 200)}]


def test_a_models_own_tokenizer_is_learnt_and_kept(upstream, start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    settings = {"OPENROUTER_MODEL": "vendor/model", "state": state}
    proxy = start(**settings)
    plain = {number: count(proxy, messages=talk(number)) for number in range(25)}

    def hidden(number):
        return round(plain[number] * 1.27) + 60

    def script(request):
        number = int(request.json["messages"][0]["content"].split(":")[0])
        usage = {"prompt_tokens": hidden(number), "completion_tokens": 5,
                 "prompt_tokens_details": {"cached_tokens": hidden(number) // 2}}
        # Only an answer that outlasts the count of its prompt teaches, as all real ones do.
        time.sleep(0.1)
        return answers.saying("ok", usage=usage)

    upstream.always(script)
    for number in range(20):
        response = proxy.post(message(messages=talk(number), stream=number % 2 == 0))
        assert response.status == 200
    for number in range(20, 25):
        assert count(proxy, messages=talk(number)) == pytest.approx(hidden(number), rel=0.03)
    [learnt] = calibrations(proxy)
    assert (learnt["model"], learnt["answers"]) == ("vendor/model", 20)
    assert 1.25 < learnt["ratio"] < 1.5 and learnt["error"] < 0.01

    after = count(proxy, messages=talk(22))
    proxy.stop()
    again = start(**settings)
    assert calibrations(again) == [learnt]
    assert count(again, messages=talk(22)) == after
    switched_off = start(**settings, TOKEN_CALIBRATION="false")
    assert count(switched_off, messages=talk(22)) == plain[22]


@pytest.mark.parametrize("content", [b"", b"{", b'{"version":9}', b"\x00" * 1000, b" " * (1 << 20)])
def test_a_foreign_state_file_is_passed_over(upstream, start, tmp_path, content):
    state = tmp_path / "state"
    state.mkdir()
    (state / "token-calibration.json").write_bytes(content)
    proxy = start(state=state)
    assert calibrations(proxy) == []
    upstream.always(answers.saying("ok"))
    assert proxy.post(message()).status == 200


def test_hostile_usage_teaches_nothing(upstream, start):
    proxy = start()
    for tokens in [0, -5, 10**30, "many", None]:
        upstream.will(answers.saying("ok", usage={"prompt_tokens": tokens, "completion_tokens": 1}))
        assert proxy.post(message()).status == 200
    assert calibrations(proxy) == []


def test_a_stream_begins_with_the_count(upstream, proxy):
    messages = talk(3)
    answer = threading.Event()
    upstream.always([Wait(answer), *answers.saying("ok")])
    # The prompt is counted while the upstream thinks; a count that is asked for waits its turn
    # behind it.
    with proxy.connect() as client:
        client.begin(message(messages=messages, stream=True))
        upstream.request()
        counted = count(proxy, messages=messages)
        answer.set()
        client.response_head()
        events = [value for value, _ in client.events()]
    first = events[0]["message"]["usage"]["input_tokens"]
    assert first == counted


def test_counts_stop_when_their_client_has_gone(proxy):
    # A sanitizer's build takes ten seconds merely to read so much, and then does not end in time.
    size = 50_000 if under_sanitizers() else 500_000
    body = json.dumps({
        "model": "m", "messages": [{"role": "user", "content": "xyzzy" * size}]}).encode()
    clients = [proxy.connect() for _ in range(20)]
    for client in clients:
        client.send(
            b"POST /v1/messages/count_tokens HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        client.close()
    # Twenty times 2.5 MB of the slowest kind of text would take seconds.
    begun = time.monotonic()
    assert count(proxy) > 0
    records = proxy.wait_for_records(1)
    assert time.monotonic() - begun < DEADLINE
    assert all(record["outcome"] in ("cancelled", "completed") for record in records)


def test_24_counts_at_once_are_all_right(proxy):
    bodies = [talk(number) + [{"role": "assistant", "content": WORDS * 2800}] for number in range(24)]
    alone = count(proxy, messages=bodies[0])
    results = {}

    def run(number):
        results[number] = count(proxy, messages=bodies[number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 24 and results[0] == alone
