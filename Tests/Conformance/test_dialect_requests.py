"""Every request in the Responses API is one by the types of OpenAI's own client, and in neither API is
anything of a conversation lost."""

import json
import typing

import pytest

from recordings import recordings
from support import dialects
from support.client import JSON_FIELDS
from support.proxy import Proxy
from support.scenarios import ROOT
from support.upstream import ScriptedUpstream
from test_openai_requests import FRAMING, REFUSED, ask, images, offered, said

UPSTREAMS = [
    ("responses", "openai", "gpt-5.6"), ("responses", "azure", "deployment"),
    ("responses", "xai", "grok-4.3"), ("responses", "openrouter", "openai/gpt-oss-120b"),
    ("messages", "anthropic", "claude-opus-4-6"), ("messages", "deepseek", "deepseek-v4"),
    ("messages", "generic", "local"),
]


def scenarios():
    for path in sorted(ROOT.glob("*/client.request")):
        head, _, body = path.read_bytes().partition(b"\n\n")
        method, target, *_ = head.split(b"\n")[0].decode().split(" ")
        place = target.partition("?")[0]
        try:
            value = json.loads(body)
        except ValueError:
            continue
        # Half of a character cannot be sent as it is written here; scenarios of their own send it.
        text = json.dumps(value, ensure_ascii=False)
        is_text = not any(0xD800 <= ord(one) < 0xE000 for one in text)
        if method == "POST" and place == "/v1/messages" and isinstance(value, dict) and is_text:
            yield pytest.param(value, id=path.parent.name)


# OpenAI's types


def forbid_extras(kind, seen):
    """Has every typed dictionary that a type is made of refuse members that it does not have."""
    if kind in seen:
        return
    seen.append(kind)
    if typing.is_typeddict(kind):
        kind.__pydantic_config__ = {"extra": "forbid"}
        for one in typing.get_type_hints(kind, include_extras=True).values():
            forbid_extras(one, seen)
    for one in typing.get_args(kind):
        if not isinstance(one, (str, int, bool, type(None))):
            forbid_extras(one, seen)


@pytest.fixture(scope="session")
def openai_types():
    pydantic = pytest.importorskip("pydantic")
    params = pytest.importorskip("openai.types.responses.response_create_params")
    kind = params.ResponseCreateParamsStreaming
    forbid_extras(kind, [])
    return pydantic.TypeAdapter(kind)


def consume(value):
    """Looks at all of a value: lists of pydantic's are checked when they are gone through."""
    if isinstance(value, dict):
        return {key: consume(one) for key, one in value.items()}
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [consume(one) for one in value]


def closest(error):
    """What a failed check says of the kinds that the value says it is of."""
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            if one["type"] in ("extra_forbidden", "missing")][:20] or str(error)[:2000]


# Members that others take and OpenAI's types do not have.
OWN = {"openrouter": {"session_id", "provider", "top_k", "verbosity"}, "xai": set()}


def completed(item):
    """An item with what the types demand of one that comes back, and servers do not: it names what is
    stored there, and nothing is."""
    if item["type"] == "reasoning":
        return {"id": "rs_1", **item}
    if item["type"] == "message" and item["role"] == "assistant":
        parts = [{"annotations": [], **part} for part in item["content"]]
        return {"id": "msg_1", "status": "completed", **item, "content": parts}
    return item


def response_faults(body, server, types):
    completed_body = {
        **{key: value for key, value in body.items() if key not in OWN.get(server, ())},
        "input": [completed(item) for item in body["input"]],
        # OpenRouter's own tools have types of their own.
        "tools": [tool for tool in body.get("tools", [])
                  if not tool["type"].startswith("openrouter:")]}
    if str(body.get("tool_choice", "")).find("openrouter:") >= 0:
        del completed_body["tool_choice"]
    try:
        consume(types.validate_python(completed_body))
    except ValueError as error:
        yield closest(error)
    if body.get("store") is not False or body.get("stream") is not True:
        yield "it is to be stored, or not streamed"
    if body.get("max_output_tokens", 16) < 16:
        yield "fewer than 16 tokens"
    called, answered = [], []
    for item in body["input"]:
        if item["type"] == "function_call":
            called.append(item["call_id"])
            json.loads(item["arguments"])
        if item["type"] == "function_call_output":
            answered.append(item["call_id"])
            if item["call_id"] not in called:
                yield f"an output before its call: {item['call_id']}"
        if item["type"] in ("function_call", "function_call_output") and (
                not 1 <= len(item["call_id"]) <= 64):
            yield f"an id of {len(item['call_id'])} characters"
        if "id" in item:
            yield f"an id that nobody knows: {item['id']}"
    if sorted(called) != sorted(answered) and body["input"][-1]["type"] != "function_call":
        missing = set(called) ^ set(answered)
        if missing:
            yield f"calls and outputs differ: {missing}"
    if len(set(called)) != len(called):
        yield "a call's id comes twice"


def arrived(api, sent):
    """What an upstream is told, as one text, and the inputs of its calls."""
    if api == "messages":
        texts, inputs = said(sent)
        return "\n".join(texts), inputs
    texts, inputs = [sent.get("instructions") or ""], []

    def walk(value):
        if isinstance(value, str):
            texts.append(value)
        for part in value if isinstance(value, list) else []:
            texts.append(part.get("text") or "")

    for item in sent["input"]:
        if item["type"] == "function_call":
            inputs.append(json.loads(item["arguments"]))
        walk(item.get("content"))
        walk(item.get("output"))
    return "\n".join(texts), inputs


# What is asked


@pytest.fixture(scope="module", params=UPSTREAMS, ids=" ".join)
def connected(request, tmp_path_factory):
    """An upstream of a kind, and one proxy before it for all requests."""
    api, server, model = request.param
    upstream = ScriptedUpstream()

    def script(asked):
        if api == "responses":
            return dialects.responding(dialects.text("Well."))
        if asked.json.get("stream"):
            return dialects.telling("Well.")
        return dialects.message_of("Well.")

    upstream.always(script)
    proxy = Proxy(
        tmp_path_factory.mktemp("proxy"), upstream.url, UPSTREAM_API=api, UPSTREAM_PROFILE=server,
        MODEL_MAP=f"*={model}", OPENROUTER_MODEL=model)
    yield api, server, model, upstream, proxy
    upstream.close()
    proxy.stop()


def check(connected, types, body, fields=JSON_FIELDS, path="/v1/messages", may_be_refused=False):
    api, server, model, upstream, proxy = connected
    count = len(upstream.requests)
    response = ask(proxy, path, fields, body)
    tries = 0
    while response.status == 400 and tries < len(REFUSED):
        reason = response.error["message"]
        change = next((REFUSED[word] for word in REFUSED if word in reason), None)
        if change is None and may_be_refused:
            return
        assert change, reason
        change(body)
        tries += 1
        response = ask(proxy, path, fields, body)
    assert response.status == 200, response.body
    assert len(upstream.requests) == count + 1
    sent = upstream.requests[-1].json
    assert sent["model"] == model
    if api == "responses":
        assert list(response_faults(sent, server, types)) == []
    if may_be_refused:
        # What scenarios ask is odd; what must become of it, they say themselves.
        return
    text, inputs = arrived(api, sent)
    texts, expected_inputs = said(body)
    for one in texts:
        assert one in text, f"lost: {one[:200]}"
    assert {json.dumps(one) for one in inputs} == {json.dumps(one) for one in expected_inputs}
    names = {tool["name"] for tool in sent.get("tools", []) if "name" in tool}
    assert offered(body) <= names
    data = json.dumps(sent)
    if server != "deepseek":
        for image in images(body):
            assert image in data


@pytest.mark.parametrize("body", list(scenarios()))
def test_a_scenario_asks_well(connected, openai_types, body):
    check(connected, openai_types, body, may_be_refused=True)


@pytest.mark.parametrize("path", recordings("captures/*.json"))
def test_a_recorded_request_goes_on(connected, openai_types, path):
    capture = json.loads(path.read_text())
    if capture["method"] != "POST" or not capture["path"].partition("?")[0].endswith("/messages"):
        return
    fields = {
        **JSON_FIELDS, **{name: value for name, value in capture["headers"]
                          if name.lower() not in FRAMING | {"content-type"}}}
    check(connected, openai_types, capture["body"], fields, capture["path"])
