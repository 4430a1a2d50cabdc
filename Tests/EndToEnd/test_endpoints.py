"""The endpoints that need no upstream."""

from urllib.parse import quote

import pytest

from support.client import message

ANTHROPIC = {"anthropic-version": "2023-06-01"}


def test_health_is_told_to_everybody(upstream, start):
    proxy = start(CLIENT_TOKENS="a-token", OPENROUTER_MODEL="vendor/model")
    response = proxy.ask("GET", "/health")
    value = response.json
    assert response.status == 200
    assert (value["status"], value["openrouter"]) == ("healthy", "configured")
    assert (value["model"], value["upstream"]) == ("vendor/model", upstream.url)
    assert value["uptime_seconds"] >= 0 and value["version"]


def test_health_tells_that_there_is_no_key(start):
    value = start(OPENROUTER_API_KEY=None).ask("GET", "/health").json
    assert (value["status"], value["openrouter"]) == ("degraded", "no_api_key")


def test_a_server_of_ones_own_is_well_without_a_key(upstream, start):
    proxy = start(OPENROUTER_API_KEY=None, UPSTREAM_PROFILE="auto")
    value = proxy.ask("GET", "/health").json
    assert (value["status"], value["openrouter"]) == ("healthy", "not_used")


def test_models_are_listed_for_anthropic_clients(start):
    proxy = start(OPENROUTER_MODEL="vendor/model", MODEL_MAP="mine=vendor/other,claude-x-*=v/x")
    value = proxy.ask("GET", "/v1/models?limit=1000", fields=ANTHROPIC).json
    ids = [model["id"] for model in value["data"]]
    assert {"vendor/model", "claude-vendor/model", "mine", "vendor/other", "v/x"} <= set(ids)
    assert len(ids) == len(set(ids))
    assert (value["first_id"], value["last_id"], value["has_more"]) == (ids[0], ids[-1], False)
    assert all(model["type"] == "model" and model["display_name"] for model in value["data"])


def test_models_are_listed_for_openai_clients(proxy):
    value = proxy.ask("GET", "/v1/models").json
    assert value["object"] == "list"
    assert {model["object"] for model in value["data"]} == {"model"}


@pytest.mark.parametrize("encode", [lambda text: text, lambda text: quote(text, safe="")])
def test_one_model_is_found_by_its_encoded_id(proxy, encode):
    path = "/v1/models/" + encode("openai/gpt-oss-120b")
    assert proxy.ask("GET", path, fields=ANTHROPIC).json["id"] == "openai/gpt-oss-120b"
    assert proxy.ask("GET", path).json["object"] == "model"


@pytest.mark.parametrize("id_", ["unknown", "%zz", "%", "vendor%2Funknown"])
def test_a_model_that_is_not_listed_is_a_404(proxy, id_):
    response = proxy.ask("GET", f"/v1/models/{id_}", fields=ANTHROPIC)
    assert (response.status, response.error["type"]) == (404, "not_found_error")


def count(proxy, body):
    response = proxy.post(body, path="/v1/messages/count_tokens")
    assert response.status == 200 and set(response.json) == {"input_tokens"}
    return response.json["input_tokens"]


def test_tokens_are_counted_without_the_upstream(upstream, proxy):
    body = {"model": "m", "messages": [{"role": "user", "content": "foo"}], "tools": []}
    # With the words that the template of gpt-oss puts before every conversation.
    assert 50 <= count(proxy, body) <= 90
    words = "The quick brown fox jumps over the lazy dog. " * 100
    many = {**body, "messages": [{"role": "user", "content": words}]}
    # "The quick brown fox jumps over the lazy dog." is ten tokens and a blank.
    assert count(proxy, many) - count(proxy, body) == pytest.approx(1000, abs=3)
    assert count(proxy, {**many, "system": words}) - count(proxy, many) == pytest.approx(1010, abs=10)
    assert upstream.requests == []


def test_counting_refuses_what_is_no_request(proxy):
    response = proxy.post({"messages": 3}, path="/v1/messages/count_tokens")
    assert (response.status, response.error["type"]) == (400, "invalid_request_error")


def test_every_answer_has_an_identifier_of_its_own(upstream, start):
    # Those of /health are for debugging.
    proxy = start(LOG_LEVEL="debug")
    responses = [
        proxy.ask("GET", "/health"), proxy.ask("GET", "/nothing"), proxy.post(message(model=3)),
        proxy.ask("HEAD", "/"),
    ]
    ids = [response.header("request-id") for response in responses]
    assert all(id_.startswith("req_") for id_ in ids) and len(set(ids)) == len(ids)
    assert {record["request_id"] for record in proxy.wait_for_records(4)} == set(ids)
