"""`claude-proxy env`: what each shell of this machine makes of it, and where its words come from."""

import json
import shutil
import subprocess
import time

import pytest

from support import DEADLINE, answers
from support.proxy import KEY, binary, run

MODEL = "openai/gpt-oss-120b"
# Visible ASCII without blanks is what a token may be; every character that means something to a shell.
HOSTILE = "a'b\"c$HOME`id`\\n$(id)!x;&|<>*?[a]{b}~#%^=@"
DISTURBING = {"ANTHROPIC_API_KEY": "sk-ant-mine", "CLAUDE_CODE_USE_BEDROCK": "1",
              "ANTHROPIC_UNIX_SOCKET": "/nowhere"}
# How each shell is told to apply the text, and how careless people do it.
APPLYING = {
    "bash": ['eval "$({})"', "set -eu; eval \"$({})\"", "source <({})"],
    "zsh": ['eval "$({})"', "setopt nounset rcquotes; eval \"$({})\"", "source <({})"],
    "dash": ['eval "$({})"', 'set -eu; eval "$({})"'],
    "fish": ["{} | source", "eval ({})"],
    "pwsh": ["{} | Out-String | Invoke-Expression", "{} | Invoke-Expression"],
}
CASES = [(shell, way) for shell, ways in APPLYING.items() for way in ways]


def variables(shell, way, directory, command=("env",), environment=None):
    """The environment of a program that `shell` starts once it has applied the text."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    text = way.format(" ".join([binary(), *command]))
    result = subprocess.run(
        [path, "-c", f"{text}\n/usr/bin/env -0"], cwd=directory, capture_output=True,
        timeout=DEADLINE, stdin=subprocess.DEVNULL,
        env={"HOME": str(directory), "PATH": "/usr/bin:/bin", **(environment or {})})
    assert result.returncode == 0, result.stderr.decode()
    pairs = (item.partition("=") for item in result.stdout.decode().split("\0") if item)
    return {name: value for name, _, value in pairs}


def listing(context):
    """An upstream that lists the default model."""

    def answer(request):
        assert request.path.endswith("/models")
        return answers.whole(200, {"data": [{
            "id": MODEL, "context_length": context, "supported_parameters": ["max_tokens"]}]})

    return answer


def running(upstream, start, **settings):
    """A proxy that knows the context of the default model, and the environment of its settings."""
    upstream.always(listing(131072))
    proxy = start(MODELS_REFRESH="1h", **settings)
    proxy.wait_for_log("the upstream lists 1 models")
    names = {f"CLAUDE_PROXY_{name}": value for name, value in settings.items()}
    return proxy, {"CLAUDE_PROXY_LISTEN": proxy.addresses[0], **names}


@pytest.mark.parametrize("shell, way", CASES)
def test_every_shell_gets_the_values_as_they_are(upstream, start, tmp_path, shell, way):
    proxy, environment = running(upstream, start, CLIENT_TOKENS=HOSTILE)
    got = variables(shell, way, tmp_path, environment={**DISTURBING, **environment})
    assert got["ANTHROPIC_BASE_URL"] == proxy.url
    assert got["ANTHROPIC_AUTH_TOKEN"] == HOSTILE
    assert got["ANTHROPIC_MODEL"] == MODEL
    assert got["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"
    assert got["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] == "1"
    assert got["CLAUDE_CODE_AUTO_MODE_SERVER"] == "0"
    assert not DISTURBING.keys() & got.keys()


def test_careless_quoting_loses_nothing_that_has_no_blanks(upstream, start, tmp_path):
    proxy, environment = running(upstream, start)
    got = variables("bash", "eval $({})", tmp_path, environment={**DISTURBING, **environment})
    assert got["ANTHROPIC_BASE_URL"] == proxy.url and got["CLAUDE_CODE_AUTO_MODE_SERVER"] == "0"
    assert not DISTURBING.keys() & got.keys()


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "fish"])
def test_an_odd_path_of_a_local_socket_arrives(start, tmp_path, shell):
    path = str(tmp_path / "it's a $socket \\ \"here\"")
    start(LISTEN=f"unix:{path}")
    got = variables(shell, APPLYING[shell][0], tmp_path, environment={
        "CLAUDE_PROXY_LISTEN": f"unix:{path}", "http_proxy": "http://127.0.0.1:1"})
    assert got["ANTHROPIC_UNIX_SOCKET"] == path
    assert got["ANTHROPIC_BASE_URL"] == "http://localhost" and "NO_PROXY" not in got


def test_the_settings_file_is_json(upstream, start, tmp_path):
    proxy, environment = running(upstream, start, CLIENT_TOKENS=HOSTILE)
    result = run(["env", "--shell", "json"], tmp_path, environment)
    values = json.loads(result.stdout)["env"]
    assert values["ANTHROPIC_AUTH_TOKEN"] == HOSTILE
    assert values["ANTHROPIC_BASE_URL"] == proxy.url
    assert values["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"
    assert values["ANTHROPIC_API_KEY"] == "" and result.stderr == ""


def test_the_window_is_that_of_the_model_behind_an_id(upstream, start, tmp_path):
    proxy, environment = running(upstream, start)
    # A server that lists one model answers with it, whatever is asked for.
    for model in [MODEL, "claude-sonnet-4-5", "a/b c"]:
        result = run(["env", "--shell", "json", "--model", model], tmp_path, environment)
        values = json.loads(result.stdout)["env"]
        assert values["ANTHROPIC_MODEL"] == model
        assert values.get("CLAUDE_CODE_MAX_CONTEXT_TOKENS") == "131072"
        assert "is not known" not in result.stderr


def test_the_kept_list_serves_when_nobody_answers(upstream, start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    upstream.always(listing(65536))
    proxy = start(MODELS_REFRESH="1h", state=state)
    deadline = time.monotonic() + DEADLINE
    while not list(state.glob("models-*.json")):
        assert time.monotonic() < deadline, "no list of models was kept"
        time.sleep(0.01)
    address = proxy.addresses[0]
    proxy.stop()
    result = run(["env", "--shell", "json"], tmp_path, {
        "CLAUDE_PROXY_LISTEN": address, "STATE_DIRECTORY": str(state),
        "CLAUDE_PROXY_UPSTREAM_URL": upstream.url})
    assert json.loads(result.stdout)["env"]["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "65536"
    assert f"nobody answers at http://{address} yet" in result.stderr


def test_a_proxy_elsewhere_is_named_and_its_token_is_ones_own(upstream, start, tmp_path):
    proxy, _ = running(upstream, start, CLIENT_TOKENS="first,second")
    ask = ["env", "--shell", "json", "--url", proxy.url + "/"]
    result = run(ask, tmp_path)
    values = json.loads(result.stdout)["env"]
    assert values["ANTHROPIC_BASE_URL"] == proxy.url and values["ANTHROPIC_MODEL"] == MODEL
    assert "wants a client token" in result.stderr
    result = run(ask, tmp_path, {"ANTHROPIC_AUTH_TOKEN": "second"})
    values = json.loads(result.stdout)["env"]
    assert values["ANTHROPIC_AUTH_TOKEN"] == "second" and result.stderr == ""
    assert values["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"


def test_what_cannot_be_told_is_refused_with_nothing_to_evaluate(tmp_path):
    for arguments, environment, code, words in [
        ([], {"CLAUDE_PROXY_LISTEN": "127.0.0.1:0"}, 78, "--url"),
        ([], {"CLAUDE_PROXY_WORKERS": "many"}, 78, "CLAUDE_PROXY_WORKERS"),
        (["--config", "missing.env"], {}, 78, "missing.env"),
        (["--shell", "tcsh"], {}, 64, "--shell is one of"),
        (["--url", "proxy:8000"], {}, 64, "http://"),
    ]:
        result = run(["env", *arguments], tmp_path, {"SHELL": "/bin/bash", **environment})
        assert (result.returncode, result.stdout) == (code, ""), result.stderr
        assert words in result.stderr


def test_the_upstreams_key_is_nowhere(tmp_path):
    result = run(["env", "--shell", "bash"], tmp_path, {"OPENROUTER_API_KEY": KEY})
    assert result.returncode == 0 and KEY not in result.stdout + result.stderr
