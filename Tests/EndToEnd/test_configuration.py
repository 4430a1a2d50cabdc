"""The configuration, as commands and signals see it."""

import signal
import threading

import pytest
from support.answers import STREAM_END, STREAM_HEAD, event, failing, saying
from support.client import message
from support.proxy import KEY, run
from support.upstream import CLOSE, ScriptedUpstream, Wait


def test_check_config_tells_all_faults_at_once(tmp_path):
    result = run(["check-config"], tmp_path, {
        "CLAUDE_PROXY_WORKERS": "many", "CLAUDE_PROXY_IDLE_TIMEOUT": "5",
        "CLAUDE_PROXY_UPSTREAM_URL": "ftp://host",
    })
    assert result.returncode == 78
    for key in ["CLAUDE_PROXY_WORKERS", "CLAUDE_PROXY_IDLE_TIMEOUT", "CLAUDE_PROXY_UPSTREAM_URL"]:
        assert key in result.stderr


def test_check_config_says_that_all_is_well(tmp_path):
    result = run(["check-config"], tmp_path, {"OPENROUTER_API_KEY": KEY})
    assert result.returncode == 0 and KEY not in result.stdout + result.stderr


def test_serve_does_not_start_with_faults(tmp_path):
    for arguments in [["serve"], []]:
        result = run(arguments, tmp_path, {"CLAUDE_PROXY_WORKERS": "0"})
        assert result.returncode == 78 and "CLAUDE_PROXY_WORKERS" in result.stderr


def test_serve_says_when_its_address_is_taken(tmp_path, proxy):
    environment = {"CLAUDE_PROXY_LISTEN": proxy.addresses[0], "OPENROUTER_API_KEY": KEY}
    result = run(["serve"], tmp_path, environment)
    assert result.returncode == 1 and proxy.addresses[0] in result.stderr


def test_print_config_shows_sources_and_no_secret(tmp_path):
    file = tmp_path / "file.env"
    file.write_text(f"OPENROUTER_API_KEY={KEY}\nOPENROUTER_MODEL=vendor/file\n")
    result = run(["print-config", "--config", str(file)], tmp_path, {
        "OPENROUTER_MODEL": "vendor/environment", "CLAUDE_PROXY_CLIENT_TOKENS": "a-token-of-mine"})
    assert result.returncode == 0
    assert "OPENROUTER_MODEL=vendor/environment" in result.stdout
    assert str(file) in result.stdout
    for secret in [KEY, "a-token-of-mine"]:
        assert secret not in result.stdout + result.stderr


def test_a_fault_in_a_secret_does_not_show_it(tmp_path):
    result = run(["check-config"], tmp_path, {"OPENROUTER_API_KEY": "very secret key"})
    assert result.returncode == 78
    assert "very secret" not in result.stdout + result.stderr


def test_the_file_in_the_working_directory_is_read(tmp_path):
    (tmp_path / ".env").write_text("export OPENROUTER_MODEL='vendor/dot-env'\n")
    assert "OPENROUTER_MODEL=vendor/dot-env" in run(["print-config"], tmp_path).stdout


def test_a_file_that_does_not_exist_is_a_fault(tmp_path):
    result = run(["check-config", "--config", "missing.env"], tmp_path)
    assert result.returncode == 78 and "missing.env" in result.stderr


def test_version_and_help_are_printed(tmp_path):
    assert run(["--version"], tmp_path).stdout.strip()[0].isdigit()
    text = run(["--help"], tmp_path).stdout
    for word in ["OPENROUTER_API_KEY", "CLAUDE_PROXY_LISTEN", "check-config", "USAGE"]:
        assert word in text
    assert run(["serve", "--nonsense"], tmp_path).returncode == 64


def asked_model(upstream, proxy, index):
    upstream.will(saying("Hi"))
    assert proxy.post(message()).status == 200
    return upstream.request(index).json["model"]


def test_sighup_takes_a_good_configuration_and_keeps_the_old_one_over_a_bad_one(
    upstream, start, tmp_path
):
    file = tmp_path / "file.env"
    file.write_text("OPENROUTER_MODEL=vendor/old\n")
    proxy = start(["--config", str(file)])
    assert asked_model(upstream, proxy, 0) == "vendor/old"

    file.write_text("OPENROUTER_MODEL=vendor/new\n")
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_log("the configuration was reloaded")
    assert asked_model(upstream, proxy, 1) == "vendor/new"

    file.write_text("OPENROUTER_MODEL=vendor/bad\nCLAUDE_PROXY_PING_INTERVAL=never\n")
    proxy.signal(signal.SIGHUP)
    record = proxy.wait_for_log("not reloaded")
    assert record["level"] == "error" and "CLAUDE_PROXY_PING_INTERVAL" in record["message"]
    assert asked_model(upstream, proxy, 2) == "vendor/new"


def test_a_reload_reaches_the_next_request_of_an_open_connection(upstream, start, tmp_path):
    old, new = "old-token-0123456789", "new-token-0123456789"
    file = tmp_path / "file.env"
    file.write_text(f"OPENROUTER_MODEL=vendor/old\nCLAUDE_PROXY_CLIENT_TOKENS={old}\n")
    proxy = start(["--config", str(file)])
    with proxy.connect() as kept, proxy.connect() as fresh:
        upstream.will(saying("Hi"))
        assert kept.post(message(), {"x-api-key": old}).status == 200
        file.write_text(f"OPENROUTER_MODEL=vendor/new\nCLAUDE_PROXY_CLIENT_TOKENS={new}\n")
        proxy.signal(signal.SIGHUP)
        proxy.wait_for_log("the configuration was reloaded")
        for number, client in enumerate([kept, fresh]):
            upstream.will(saying("Hi"))
            assert client.post(message(), {"x-api-key": new}).status == 200
            assert upstream.request(1 + number).json["model"] == "vendor/new"
        assert kept.post(message(), {"x-api-key": old}).status == 401


FAILURES = {
    "503": failing(503, "busy"),
    "502": failing(502, "down"),
    "a refused parameter": failing(400, "Unsupported parameter: 'top_k'"),
    "an error event": [
        STREAM_HEAD, event({"error": {"code": 502, "message": "down"}}), STREAM_END],
    "no answer": [CLOSE],
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_request_keeps_its_upstream_over_a_reload(upstream, start, tmp_path, failure):
    other, reloaded = ScriptedUpstream(), threading.Event()
    file = tmp_path / "file.env"
    file.write_text(f"CLAUDE_PROXY_UPSTREAM_URL={upstream.url}\nOPENROUTER_MODEL=vendor/old\n"
                    f"CLAUDE_PROXY_UPSTREAM_PROFILE=openrouter\nOPENROUTER_API_KEY={KEY}\n")
    proxy = start(["--config", str(file)], UPSTREAM_URL=None, UPSTREAM_PROFILE=None,
                  OPENROUTER_API_KEY=None)
    upstream.will([Wait(reloaded), *failure], saying("Hi"))
    other.always(saying("from another"))
    try:
        with proxy.connect() as client:
            client.begin(message(top_k=5))
            upstream.request(0)
            file.write_text(f"CLAUDE_PROXY_UPSTREAM_URL={other.url}\nOPENROUTER_MODEL=vendor/new\n"
                            "CLAUDE_PROXY_UPSTREAM_PROFILE=generic\nOPENROUTER_API_KEY=sk-other\n")
            proxy.signal(signal.SIGHUP)
            proxy.wait_for_log("the configuration was reloaded")
            reloaded.set()
            assert client.response().status == 200
            again = upstream.request(1)
            assert again.json["model"] == "vendor/old"
            assert again.header("authorization") == f"Bearer {KEY}"
            assert [request for request in other.requests if request.method == "POST"] == []
            assert client.post(message()).status == 200
        assert other.requests[-1].json["model"] == "vendor/new"
        assert other.requests[-1].header("authorization") == "Bearer sk-other"
    finally:
        other.close()


def test_a_reload_tells_what_needs_a_restart(start, tmp_path):
    file = tmp_path / "file.env"
    file.write_text("")
    proxy = start(["--config", str(file)], WORKERS=None)
    file.write_text("CLAUDE_PROXY_WORKERS=2\n")
    proxy.signal(signal.SIGHUP)
    assert "CLAUDE_PROXY_WORKERS" in proxy.wait_for_log("reloaded")["message"]
