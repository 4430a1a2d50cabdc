"""Seals of reasoning: known again by the installation that made them, and by no other."""

import os
import stat

import pytest
from support import answers
from support.client import message

THOUGHT = {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln",
           "format": "anthropic-claude-v1", "index": 0}
MODEL = {"OPENROUTER_MODEL": "anthropic/claude-opus-5"}


def thinking():
    """A script: an answer with signed reasoning."""
    return [answers.STREAM_HEAD, answers.piece({"content": "", "reasoning_details": [THOUGHT]}),
            *answers.text("ok"), *answers.ending()]


def sealed(proxy, upstream):
    """The thinking block of an answer."""
    upstream.always(thinking())
    response = proxy.post(message())
    assert response.status == 200, response.body
    block = response.json["content"][0]
    assert block["type"] == "thinking" and block["signature"].startswith("claudeproxy2")
    return block


def comes_back(proxy, upstream, block):
    """Whether the upstream gets its reasoning back from a history with `block`."""
    upstream.always(answers.saying("ok"))
    before = len(upstream.requests)
    history = [{"role": "user", "content": "q"},
               {"role": "assistant", "content": [block, {"type": "text", "text": "a"}]},
               {"role": "user", "content": "q"}]
    assert proxy.post(message(messages=history)).status == 200
    answer = upstream.requests[before].json["messages"][1]
    assert answer["content"] == "a"
    if "reasoning_details" in answer:
        assert answer["reasoning_details"] == [THOUGHT]
        return True
    return False


def test_the_key_is_made_once_and_kept(upstream, start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    settings = {"SEAL_KEY": None, "state": state, **MODEL}
    first = start(**settings)
    path = state / "seal.key"
    key = path.read_bytes()
    assert len(key) == 32 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(state)) == ["seal.key"]
    block = sealed(first, upstream)
    assert comes_back(first, upstream, block)
    first.stop()
    second = start(**settings)
    assert path.read_bytes() == key and comes_back(second, upstream, block)
    # Workers and instances share it.
    third = start(**settings, WORKERS="2")
    assert comes_back(third, upstream, sealed(third, upstream))
    assert comes_back(third, upstream, block)


def test_another_installations_reasoning_is_left_out(upstream, start, tmp_path):
    blocks = []
    proxies = [start(SEAL_KEY=None, **MODEL), start(SEAL_KEY="a" * 32, **MODEL),
               start(SEAL_KEY="b" * 32, **MODEL)]
    for proxy in proxies:
        blocks.append(sealed(proxy, upstream))
    for one, proxy in enumerate(proxies):
        for other, block in enumerate(blocks):
            assert comes_back(proxy, upstream, block) == (one == other)
    signature = blocks[1]["signature"]
    for altered in (signature[:-4], signature[:40] + "A" + signature[41:], signature + "AAAA", ""):
        assert not comes_back(proxies[1], upstream, {**blocks[1], "signature": altered})


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_made_anew(upstream, start, tmp_path, content):
    state = tmp_path / "state"
    state.mkdir()
    (state / "seal.key").write_bytes(content)
    proxy = start(SEAL_KEY=None, state=state, **MODEL)
    assert len((state / "seal.key").read_bytes()) == 32
    assert comes_back(proxy, upstream, sealed(proxy, upstream))


def test_a_link_is_not_followed(upstream, start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"e" * 32)
    (state / "seal.key").symlink_to(elsewhere)
    proxy = start(SEAL_KEY=None, state=state, **MODEL)
    assert comes_back(proxy, upstream, sealed(proxy, upstream))
    assert elsewhere.read_bytes() == b"e" * 32 and not (state / "seal.key").is_symlink()
