"""`claude-proxy doctor` and `report` before upstreams that are right, wrong, slow or not there."""

import email.utils
import json
import re
import socket
import time

import pytest

from support import answers
from support.proxy import KEY, run
from support.tls import certificates, front, needs_front  # noqa: F401
from support.upstream import UNTIL_LEFT

MODEL = "openai/gpt-oss-120b"
ENTRY = {
    "id": MODEL, "canonical_slug": MODEL, "context_length": 131072,
    "architecture": {"output_modalities": ["text"]},
    "supported_parameters": ["max_tokens", "tools", "tool_choice"],
}
CREDIT = {"limit": 20, "limit_remaining": 12.5, "is_free_tier": False, "expires_at": None}


def date(offset=0):
    return email.utils.formatdate(time.time() + offset, usegmt=True)


# OpenRouter lets OpenAI's models say no less than 16 tokens; this is another's.
OTHER = {**ENTRY, "id": "acme/large", "canonical_slug": "acme/large"}


def behaving(models=None, key=None, chat=None, offset=0):
    """An upstream that is as it should be, but for what is given."""

    def answer(request):
        if request.path.endswith(("/models", "/key")):
            assert request.method == "GET" and request.body == b""
        if request.path.endswith("/models"):
            return models or answers.whole(200, {"data": [ENTRY, OTHER]}, Date=date(offset))
        if request.path.endswith("/key"):
            assert request.header("authorization") == f"Bearer {KEY}"
            return key or answers.whole(200, {"data": CREDIT})
        assert request.path.endswith("/chat/completions") and request.method == "POST"
        return chat or answers.saying("O", finish="length")

    return answer


@pytest.fixture
def doctor(tmp_path):
    """Runs the doctor on settings; gives the exit code and the findings by their checks."""

    def examine(url, *arguments, **settings):
        environment = {
            "CLAUDE_PROXY_UPSTREAM_URL": url, "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
            "CLAUDE_PROXY_LISTEN": "127.0.0.1:0", "OPENROUTER_API_KEY": KEY, **settings,
        }
        environment = {name: value for name, value in environment.items() if value is not None}
        result = run(["doctor", "--json", "--timeout", "2", *arguments], tmp_path, environment)
        assert KEY not in result.stdout + result.stderr and result.stderr == ""
        report = json.loads(result.stdout)
        findings = {}
        for finding in report["findings"]:
            assert ("remedy" in finding) == (finding["verdict"] in ["warning", "failed"])
            # Of several of one check the last: the key is there, and then it is refused.
            findings[finding["check"]] = finding
        has_failed = any(finding["verdict"] == "failed" for finding in report["findings"])
        assert result.returncode == (1 if has_failed else 0)
        assert (report["verdict"] == "failed") == has_failed
        return findings

    return examine


def failure(findings, check):
    """The one failure there is, which is the one of `check`."""
    failed = [name for name, finding in findings.items() if finding["verdict"] == "failed"]
    assert failed == [check], findings
    return findings[check]["text"] + " " + findings[check]["remedy"]


def test_all_is_well(upstream, doctor):
    upstream.always(behaving())
    findings = doctor(upstream.url, OPENROUTER_MODEL="acme/large")
    for check in [
        "configuration", "name", "connection", "key", "clock", "model", "credit", "round trip",
    ]:
        assert findings[check]["verdict"] == "ok", findings[check]
    assert findings["TLS"]["verdict"] == "skipped"
    assert "131072" in findings["model"]["text"] and "$12.50" in findings["credit"]["text"]
    trial = upstream.requests[-1].json
    assert trial["stream"] is True and trial["max_tokens"] == 1 and trial["model"] == "acme/large"
    assert len(trial["tools"]) == 1


def test_a_key_that_is_refused(upstream, doctor):
    upstream.always(behaving(key=answers.failing(401, f"No user for {KEY}")))
    findings = doctor(upstream.url)
    assert "refuses it: " in failure(findings, "key")
    assert findings["round trip"]["verdict"] == "skipped"


def test_a_key_that_only_the_trial_shows_to_be_refused(upstream, doctor):
    upstream.always(behaving(chat=answers.failing(401, "Incorrect API key provided")))
    findings = doctor(upstream.url, CLAUDE_PROXY_UPSTREAM_PROFILE="openai")
    assert findings["round trip"]["verdict"] == "failed"
    assert "OPENROUTER_API_KEY" in findings["round trip"]["remedy"]


def test_no_key(upstream, doctor):
    upstream.always(behaving())
    findings = doctor(upstream.url, OPENROUTER_API_KEY=None)
    assert "config.env" in failure(findings, "key")
    assert [request.path.split("/")[-1] for request in upstream.requests] == ["models"]


@pytest.mark.parametrize("profile", ["llama.cpp", "auto"])
def test_a_server_of_ones_own_needs_no_key_and_no_list(upstream, doctor, profile):
    upstream.always(behaving(models=answers.whole(404, {})))
    findings = doctor(
        upstream.url, OPENROUTER_API_KEY=None, CLAUDE_PROXY_UPSTREAM_PROFILE=profile)
    assert findings["key"]["verdict"] == findings["model"]["verdict"] == "skipped"
    assert findings["round trip"]["verdict"] == "ok"


def test_a_model_that_the_upstream_does_not_have(upstream, doctor):
    upstream.always(behaving(chat=answers.failing(404, "No such model")))
    findings = doctor(upstream.url, OPENROUTER_MODEL="openai/gpt-oss-120")
    failed = {name for name, finding in findings.items() if finding["verdict"] == "failed"}
    assert failed == {"model", "round trip"}
    assert f"Did you mean {MODEL}?" in findings["model"]["remedy"]


def test_variants_of_a_model_are_known(upstream, doctor):
    upstream.always(behaving())
    assert doctor(upstream.url, OPENROUTER_MODEL=MODEL + ":nitro")["model"]["verdict"] == "ok"


def test_a_model_without_tools(upstream, doctor):
    entry = {**ENTRY, "supported_parameters": ["max_tokens"]}
    upstream.always(behaving(models=answers.whole(200, {"data": [entry]})))
    assert "takes no tools" in failure(doctor(upstream.url), "model")


@pytest.mark.parametrize("remaining, verdict", [(0, "failed"), (1, "warning"), (3, "ok")])
def test_the_credit_of_the_key(upstream, doctor, remaining, verdict):
    credit = answers.whole(200, {"data": {**CREDIT, "limit_remaining": remaining}})
    upstream.always(behaving(key=credit))
    findings = doctor(upstream.url)
    assert findings["credit"]["verdict"] == verdict
    assert f"${remaining}.00 of the key's limit of $20.00" in findings["credit"]["text"]


def test_an_account_without_credit(upstream, doctor):
    upstream.always(behaving(chat=answers.failing(402, "Insufficient credits")))
    assert "https://openrouter.ai/settings/credits" in failure(doctor(upstream.url), "round trip")


def test_a_provider_that_wants_more_tokens_is_asked_for_more(upstream, doctor):
    refusal = answers.failing(
        400, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16")
    asked = []

    def chat(request):
        if request.path.endswith("/chat/completions"):
            asked.append(request.json["max_tokens"])
            if asked == [1]:
                return refusal
        return behaving()(request)

    upstream.always(chat)
    findings = doctor(upstream.url, OPENROUTER_MODEL="acme/large")
    assert findings["round trip"]["verdict"] == "ok" and asked == [1, 16]


def test_an_error_in_the_stream(upstream, doctor):
    chat = [answers.STREAM_HEAD, answers.event({"error": {"message": "Out of order", "code": 502}}),
            answers.STREAM_END]
    upstream.always(behaving(chat=chat))
    assert "Out of order" in failure(doctor(upstream.url), "round trip")


def test_an_upstream_that_does_not_stream(upstream, doctor):
    whole = answers.whole(200, {
        "id": "gen-1", "model": MODEL, "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "O"},
             "finish_reason": "stop"}]})
    upstream.always(behaving(chat=whole))
    findings = doctor(upstream.url)
    assert findings["round trip"]["verdict"] == "warning"
    assert "in one piece" in findings["round trip"]["text"]


def test_a_slow_upstream(upstream, doctor):
    upstream.always(behaving(chat=[answers.STREAM_HEAD, *answers.text("O"), UNTIL_LEFT]))
    text = failure(doctor(upstream.url, "--timeout", "1"), "round trip")
    # libcurl's second may be a little shorter than ours.
    assert re.search(r"no complete answer in (99\d|1\d\d\d) ms", text) and "--timeout" in text


def test_a_list_of_models_that_does_not_come(upstream, doctor):
    upstream.always(behaving(models=[UNTIL_LEFT]))
    findings = doctor(upstream.url, "--timeout", "1")
    assert findings["model"]["verdict"] == "skipped" and findings["round trip"]["verdict"] == "ok"


@pytest.mark.parametrize("offset, verdict", [(-3000, "warning"), (9000, "failed")])
def test_a_clock_that_is_wrong(upstream, doctor, offset, verdict):
    upstream.always(behaving(offset=offset))
    clock = doctor(upstream.url)["clock"]
    assert clock["verdict"] == verdict
    assert ("behind" if offset > 0 else "ahead of") in clock["text"]


def test_a_connection_that_is_refused(doctor):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        findings = doctor(f"http://127.0.0.1:{closed.getsockname()[1]}/v1")
    assert "cannot be connected to" in failure(findings, "connection")
    assert findings["round trip"]["verdict"] == "skipped"


def test_a_name_without_an_address(doctor):
    text = failure(doctor("https://nothing.invalid/v1"), "name")
    assert "nothing.invalid" in text and "getent hosts" in text


@needs_front
def test_a_certificate_that_is_not_to_be_trusted(front, doctor):  # noqa: F811
    url, _ = front("good")
    text = failure(doctor(url), "TLS")
    assert "certificate" in text and "CLAUDE_PROXY_UPSTREAM_CA_FILE" in text


@needs_front
def test_a_certificate_that_is_good(upstream, front, certificates, doctor):  # noqa: F811
    url, _ = front("good")
    upstream.always(behaving())
    findings = doctor(url, CLAUDE_PROXY_UPSTREAM_CA_FILE=str(certificates / "ca.pem"))
    assert findings["TLS"]["verdict"] == "ok" and "HTTP/2" in findings["TLS"]["text"]


def test_tls_with_a_server_that_speaks_none(upstream, doctor):
    findings = doctor(upstream.url.replace("http:", "https:"), "--timeout", "1")
    assert "http://" in failure(findings, "connection")


def test_a_configuration_with_faults(doctor):
    findings = doctor("ftp://host")
    assert "CLAUDE_PROXY_UPSTREAM_URL" in failure(findings, "configuration")
    assert "round trip" not in findings


def test_the_daemon_is_asked_if_there_is_one(upstream, start, doctor):
    upstream.always(behaving())
    proxy = start()
    address = proxy.addresses[0]
    findings = doctor(upstream.url, CLAUDE_PROXY_LISTEN=address)
    assert findings["daemon"]["text"] == f"healthy at {address}"
    other = doctor(upstream.url, CLAUDE_PROXY_LISTEN=address, OPENROUTER_MODEL=MODEL + ":nitro")
    assert other["daemon"]["verdict"] == "warning" and "reload" in other["daemon"]["remedy"]


def test_something_else_may_listen_at_the_daemons_address(upstream, doctor):
    upstream.always(lambda request: answers.whole(200, {"hello": 1})
                    if request.path == "/health" else behaving()(request))
    findings = doctor(upstream.url, CLAUDE_PROXY_LISTEN=f"127.0.0.1:{upstream.port}")
    assert "something else" in failure(findings, "daemon")


def test_it_is_plain_text_when_it_is_no_terminal(upstream, tmp_path):
    upstream.always(behaving(key=answers.failing(401, "User not found.")))
    result = run(["doctor"], tmp_path, {
        "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
        "CLAUDE_PROXY_LISTEN": "127.0.0.1:0", "OPENROUTER_API_KEY": KEY, "TERM": "xterm"})
    assert result.returncode == 1 and "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("FAIL"))
    assert lines[index].split()[1] == "key" and lines[index + 1].strip().startswith("→")
    assert lines[-1].startswith("1 failed")


def test_the_report_holds_no_secret(upstream, tmp_path):
    token = "a-token-of-mine-1234"
    upstream.always(behaving(chat=answers.failing(500, f"{KEY} {token} sk-or-v1-0123456789abcdef")))
    file = tmp_path / "file.env"
    file.write_text(f"OPENROUTER_API_KEY={KEY}\nCLAUDE_PROXY_CLIENT_TOKENS={token}\n")
    result = run(["report", "--config", str(file)], tmp_path, {
        "CLAUDE_PROXY_UPSTREAM_URL": upstream.url, "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
        "CLAUDE_PROXY_LISTEN": "127.0.0.1:0"})
    assert result.returncode == 0
    for secret in [KEY, token, "0123456789abcdef"]:
        assert secret not in result.stdout + result.stderr
    for words in ["## System", "libcurl", "## Configuration", f"# from {file}:1",
                  "OPENROUTER_API_KEY=(set)", "## Doctor", "round trip", "## Unit", "## Log"]:
        assert words in result.stdout, words
