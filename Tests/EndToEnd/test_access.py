"""Who may use the proxy."""

import pytest

from support.answers import saying
from support.client import message

TOKENS = {"CLIENT_TOKENS": "first-token,second-token"}


def test_clients_on_this_machine_need_no_token(upstream, proxy):
    upstream.will(saying("Hi"))
    assert proxy.post(message()).status == 200


@pytest.mark.parametrize("fields", [
    {"x-api-key": "first-token"},
    {"x-api-key": "second-token"},
    {"authorization": "Bearer first-token"},
    {"authorization": "bearer second-token"},
    {"authorization": "Bearer first-token", "x-api-key": "first-token"},
    {"authorization": "Bearer first-token", "x-api-key": "wrong"},
    {"authorization": "Bearer wrong", "x-api-key": "first-token"},
])
def test_a_token_opens_the_proxy(upstream, start, fields):
    upstream.will(saying("Hi"))
    assert start(**TOKENS).post(message(), fields).status == 200


@pytest.mark.parametrize("fields", [
    {},
    {"x-api-key": "wrong"},
    {"x-api-key": "first-toke"},
    {"x-api-key": "first-token,second-token"},
    {"authorization": "Bearer wrong"},
    {"authorization": "Basic first-token"},
    {"authorization": "first-token"},
    {"x-api-key": ["first-token", "first-token"]},
    {"authorization": ["Bearer first-token", "Bearer wrong"]},
])
def test_without_a_good_token_nothing_opens(upstream, start, fields):
    proxy = start(**TOKENS)
    response = proxy.post(message(), fields)
    assert (response.status, response.error["type"]) == (401, "authentication_error")
    assert response.header("x-should-retry") == "false"
    assert proxy.ask("GET", "/v1/models", fields=fields).status == 401
    assert upstream.requests == []
    assert "first-token" not in response.body.decode() + "".join(proxy.lines)


@pytest.mark.parametrize("settings", [{}, TOKENS, {"ACCESS": "open"}])
@pytest.mark.parametrize("fields", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}])
def test_web_pages_are_refused(upstream, start, settings, fields):
    response = start(**settings).post(message(), {**fields, "x-api-key": "first-token"})
    assert (response.status, response.error["type"]) == (403, "permission_error")
    assert upstream.requests == []


@pytest.mark.parametrize("settings", [{}, {"ACCESS": "open"}])
def test_foreign_host_names_are_refused(upstream, start, settings):
    proxy = start(**settings)
    response = proxy.post(message(), host="evil.example")
    assert (response.status, response.error["type"]) == (403, "permission_error")
    assert "CLAUDE_PROXY_ALLOWED_HOSTS" in response.error["message"]
    assert upstream.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:1", "Proxy.Example:80"])
def test_own_host_names_are_served(upstream, start, host):
    upstream.will(saying("Hi"))
    assert start(ALLOWED_HOSTS="proxy.example").post(message(), host=host).status == 200


@pytest.mark.parametrize("host", ["203.0.113.5", "[2001:db8::1]:8000", "0.0.0.0:8000"])
def test_a_request_for_another_address_has_been_forwarded(upstream, start, host):
    response = start().post(message(), host=host)
    assert response.status == 403 and "CLAUDE_PROXY_CLIENT_TOKENS" in response.error["message"]
    upstream.will(saying("Hi"), saying("Hi"))
    assert start(ACCESS="open").post(message(), host=host).status == 200
    response = start(**TOKENS).post(message(), {"x-api-key": "first-token"}, host=host)
    assert response.status == 200


@pytest.mark.parametrize("field", [
    "x-forwarded-for", "forwarded", "via", "x-real-ip", "X-Forwarded-Proto", "cf-connecting-ip"])
def test_a_request_through_another_proxy_is_not_taken_for_local(upstream, start, field):
    response = start().post(message(), {field: "203.0.113.9"})
    assert response.status == 403 and "CLAUDE_PROXY_CLIENT_TOKENS" in response.error["message"]
    upstream.will(saying("Hi"))
    assert start(ACCESS="open").post(message(), {field: "203.0.113.9"}).status == 200
