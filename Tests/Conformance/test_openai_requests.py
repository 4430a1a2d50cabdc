"""Every request that reaches an upstream is one of chat completions, by its schema and its rules."""

import copy
import json

import pytest

import openai_request
from recordings import recordings
from support.answers import saying
from support.client import JSON_FIELDS
from support.proxy import Proxy
from support.scenarios import ROOT, settings
from support.upstream import ScriptedUpstream

UPSTREAMS = [
    ("openrouter", "openai/gpt-oss-120b"), ("openrouter", "anthropic/claude-sonnet-4.5"),
    ("openrouter", "google/gemini-2.5-pro"), ("openrouter", "deepseek/deepseek-chat"),
    ("openai", "gpt-5"), ("azure", "gpt-4.1"), ("deepseek", "deepseek-chat"), ("zai", "glm-4.6"),
    ("google", "gemini-3-pro-preview"), ("groq", "openai/gpt-oss-120b"), ("mistral", "mistral-large-latest"),
    ("moonshot", "kimi-k2"), ("vllm", "Qwen/Qwen3-32B"), ("llama.cpp", "local"),
    ("ollama", "qwen3"), ("generic", "local"),
]
FRAMING = {"host", "content-length", "connection", "accept-encoding", "authorization", "x-api-key"}


def no_faults(body, server):
    found = openai_request.faults(body, server)
    assert not found, "\n".join(found)


# MARK: Scenarios


def golden_requests():
    for path in sorted(ROOT.glob("*/upstream.request*")):
        body = path.read_text()
        if body.startswith("x-anthropic-beta:"):
            body = body.partition("\n\n")[2]
        profile = settings(path.parent / "config.env").get("UPSTREAM_PROFILE", "openrouter")
        yield pytest.param(
            json.loads(body), profile, id=f"{path.parent.name}{path.name[len('upstream.request'):]}")


GOLDEN = list(golden_requests())


@pytest.mark.parametrize(("body", "server"), GOLDEN)
def test_a_scenario_asks_well(body, server):
    no_faults(body, server)


# MARK: The checker itself

GOOD = {
    "model": "m", "stream": True, "max_tokens": 10,
    "messages": [
        {"role": "system", "content": "s"}, {"role": "user", "content": "u"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}
            for name in "ab"]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": [{"type": "text", "text": "go on"}]},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
}


def spoiling(change):
    body = copy.deepcopy(GOOD)
    change(body)
    return body


@pytest.mark.parametrize("change", [
    lambda body: body.update(top_k=1),
    lambda body: body.update(reasoning_effort="max"),
    lambda body: body.update(max_completion_tokens=10),
    lambda body: body.pop("max_tokens"),
    lambda body: body.update(stop=list("abcde")),
    lambda body: body.update(tool_choice={"type": "function", "function": {"name": "g"}}),
    lambda body: body["tools"].append(body["tools"][0]),
    lambda body: body["tools"][0]["function"].update(name="a.b"),
    lambda body: body["tools"][0]["function"].update(parameters={"type": "objects"}),
    lambda body: body["messages"].pop(3),
    lambda body: body["messages"].insert(5, body["messages"][4]),
    lambda body: body["messages"].insert(3, {"role": "user", "content": "too early"}),
    lambda body: body["messages"][3:5].reverse() or body["messages"][3].update(tool_call_id="b"),
    lambda body: body["messages"][1].update(content=" \n"),
    lambda body: body["messages"][1].update(cache_control={"type": "ephemeral"}),
    lambda body: body["messages"][5]["content"][0].update(cache_control={"type": "ephemeral"}),
    lambda body: body["messages"][2].pop("tool_calls"),
    lambda body: body["messages"][2]["tool_calls"][0]["function"].update(arguments="[]"),
    lambda body: body["messages"][2].update(reasoning_content="r"),
    lambda body: body["messages"][0].update(content="x-anthropic-billing-header: a"),
])
def test_the_checker_finds_what_is_wrong(change):
    no_faults(GOOD, "openai")
    assert openai_request.faults(spoiling(change), "openai")


def test_the_checker_knows_how_servers_differ():
    late = spoiling(lambda body: body["messages"].append({"role": "system", "content": "late"}))
    twice = spoiling(lambda body: body["messages"].append({"role": "user", "content": "again"}))
    for body in [late, twice]:
        no_faults(body, "openai")
        assert openai_request.faults(body, "vllm")
    marked = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5
    many = spoiling(lambda body: body["messages"].append({"role": "user", "content": marked}))
    assert openai_request.faults(many, "openrouter") == ["5 cache breakpoints"]


# MARK: Recorded requests


def without(*names):
    def change(body):
        for name in names:
            del body[name]
    return change


def without_file_sources(body):
    for message in body["messages"]:
        message["content"] = [
            block for block in message["content"]
            if block["type"] not in ("image", "document") or block["source"]["type"] != "file"]


def without_tools(prefix):
    def change(body):
        body["tools"] = [
            tool for tool in body["tools"] if not tool.get("type", "").startswith(prefix)]
    return change


# What the proxy must refuse, by a word of its reason, and how the client would ask without it.
REFUSED = {
    "thread": without("thread"),
    "mcp_servers": without("mcp_servers"),
    "mcp_toolset": without_tools("mcp_toolset"),
    "file": without_file_sources,
    "code_execution": without_tools("code_execution"),
}


def ask(proxy, path, fields, body):
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    with proxy.connect() as client:
        return client.ask("POST", path, data, fields)


def said(body):
    """Every text that a request says to the model, in order, and every input of a tool."""
    def words(content):
        if isinstance(content, str):
            yield content
        for block in content if isinstance(content, list) else []:
            if block["type"] == "text":
                yield block["text"]
            elif block["type"] == "tool_result":
                yield from words(block.get("content"))
            elif block["type"] == "document" and block["source"]["type"] == "text":
                yield block["source"]["data"]

    texts = list(words(body.get("system")))
    inputs = []
    for message in body["messages"]:
        texts += words(message["content"])
        blocks = message["content"] if isinstance(message["content"], list) else []
        inputs += [block["input"] for block in blocks if block["type"] == "tool_use"]
    good = [text for text in texts if text.strip() and "x-anthropic-billing-header" not in text]
    return good, inputs


def images(body):
    """The data of every image that is in a request, wherever it stands."""
    found = []

    def walk(value):
        if isinstance(value, list):
            for one in value:
                walk(one)
        elif isinstance(value, dict):
            if value.get("type") == "image" and value["source"]["type"] == "base64":
                found.append(value["source"]["data"])
            walk(list(value.values()))

    walk(body["messages"])
    return found


def arrived(sent):
    """What an upstream is told, as one text, and the inputs of its calls."""
    texts, inputs = [], []
    for message in sent["messages"]:
        content = message["content"]
        parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        texts += [part["text"] for part in parts if part["type"] == "text"]
        calls = message.get("tool_calls", [])
        inputs += [json.loads(call["function"]["arguments"]) for call in calls]
    return "\n".join(texts), inputs


def offered(body):
    """The tools that must be on offer: those that are not deferred, and those in use."""
    history = json.dumps(body["messages"])
    return {
        tool["name"] for tool in body.get("tools", [])
        if tool.get("type", "custom") == "custom" and tool["name"] != "DeferredToolPlaceholder" and (
            not tool.get("defer_loading") or f'"tool_name": "{tool["name"]}"' in history)
    }


@pytest.fixture(scope="module", params=UPSTREAMS, ids=" ".join)
def connected(request, tmp_path_factory):
    """An upstream of a kind, and one proxy before it for all recordings."""
    server, model = request.param
    upstream = ScriptedUpstream()
    upstream.always(saying("Well."))
    # Whatever the recorded id was, this upstream's model is asked.
    proxy = Proxy(
        tmp_path_factory.mktemp("proxy"), upstream.url, UPSTREAM_PROFILE=server,
        MODEL_MAP=f"*={model}", OPENROUTER_MODEL=model)
    yield server, model, upstream, proxy
    upstream.close()
    proxy.stop()


@pytest.mark.parametrize("path", recordings("captures/*.json"))
def test_a_recorded_request_is_translated(connected, path):
    server, model, upstream, proxy = connected
    capture = json.loads(path.read_text())
    place = capture["path"].partition("?")[0]
    if capture["method"] != "POST" or not place.endswith("/messages"):
        check_without_upstream(proxy, capture)
        return
    fields = {
        **JSON_FIELDS, **{name: value for name, value in capture["headers"]
                          if name.lower() not in FRAMING | {"content-type"}}}
    body = capture["body"]
    response = ask(proxy, capture["path"], fields, body)
    tries = 0
    while response.status == 400 and tries < len(REFUSED):
        reason = response.error["message"]
        change = next((REFUSED[word] for word in REFUSED if word in reason), None)
        assert change, reason
        change(body)
        tries += 1
        response = ask(proxy, capture["path"], fields, body)
    assert response.status == 200, response.body
    sent = upstream.requests[-1].json
    assert sent["model"] == model
    no_faults(sent, server)
    text, inputs = arrived(sent)
    texts, expected_inputs = said(body)
    for one in texts:
        assert one in text, f"lost: {one[:200]}"
    # Repeated calls go once.
    assert {json.dumps(one) for one in inputs} == {json.dumps(one) for one in expected_inputs}
    names = {tool["function"]["name"] for tool in sent.get("tools", []) if "function" in tool}
    assert offered(body) <= names
    data = json.dumps(sent)
    for image in images(body):
        assert image in data


def check_without_upstream(proxy, capture):
    """The recorded requests that need no upstream: probes, lists of models, counts of tokens."""
    body = capture["body"]
    data = None if body is None else json.dumps(body).encode()
    with proxy.connect() as client:
        fields = dict(capture["headers"])
        fields = {name: fields[name] for name in fields if name.lower() not in FRAMING}
        response = client.ask(capture["method"], capture["path"], data, fields)
    assert response.status in (200, 204)
    if "count_tokens" in capture["path"]:
        assert response.json["input_tokens"] > 0
    elif capture["path"].startswith("/v1/models"):
        assert response.json["data"][0]["type"] == "model"
