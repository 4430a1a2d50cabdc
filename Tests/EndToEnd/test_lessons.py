"""What refusals teach: for all workers, for the next run, and for who may ask."""

import pytest
from support import answers
from support.client import message

REFUSAL = {"error": {
    "message": "Unsupported parameter: 'top_k' is not supported with this model.",
    "param": "top_k", "code": "unsupported_parameter"}}


def script(request):
    return answers.whole(400, REFUSAL) if "top_k" in request.json else answers.saying("ok")


def lessons(proxy):
    return proxy.ask("GET", "/health").json["lessons"]


def ask(proxy):
    response = proxy.post(message(top_k=5))
    assert response.status == 200
    assert response.header("x-claude-proxy-dropped") == "top_k"


def test_a_lesson_is_for_all_workers_and_outlives_a_restart(upstream, start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    settings = {"OPENROUTER_MODEL": "vendor/model", "WORKERS": "2", "state": state}
    upstream.always(script)
    proxy = start(**settings)
    ask(proxy)
    for _ in range(20):
        ask(proxy)
    # The other worker may have been asked before it was told.
    assert 22 <= len(upstream.requests) <= 24
    expected = [{"model": "vendor/model", "lessons": ["no top_k"]}]
    assert lessons(proxy) == expected
    proxy.stop()

    before = len(upstream.requests)
    again = start(**settings)
    assert lessons(again) == expected
    for _ in range(10):
        ask(again)
    assert len(upstream.requests) == before + 10


@pytest.mark.parametrize("content", [b"", b"{", b'{"version":9}', b"\x00" * 1000, b" " * (3 << 20)])
def test_a_damaged_file_is_told_and_passed_over(upstream, start, tmp_path, content):
    state = tmp_path / "state"
    state.mkdir()
    (state / "lessons.json").write_bytes(content)
    proxy = start(state=state)
    assert lessons(proxy) == []
    upstream.always(script)
    ask(proxy)
