"""Claude Code itself, as the claude-agent-sdk brings it, against the proxy."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

from support.answers import calling, saying

pytestmark = pytest.mark.claude_code

MODEL = "openai/gpt-oss-120b"
SECONDS_MAX = 90


def claude():
    specification = importlib.util.find_spec("claude_agent_sdk")
    if specification is None:
        pytest.skip("claude-agent-sdk is not installed")
    path = Path(specification.origin).parent / "_bundled" / "claude"
    if not path.exists():
        pytest.skip("this claude-agent-sdk brings no Claude Code")
    return str(path)


def ask(proxy, directory, prompt, *arguments):
    """Runs `claude -p` in a home and a directory of its own, and returns its result."""
    home, work = directory / "home", directory / "work"
    home.mkdir()
    work.mkdir()
    environment = {
        "HOME": str(home), "PATH": os.environ["PATH"],
        "ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_API_KEY": "dummy",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",
    }
    result = subprocess.run(
        [claude(), "-p", prompt, "--output-format", "json", "--model", MODEL, *arguments],
        cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SECONDS_MAX,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def has_tool(request, name):
    return any(tool["function"]["name"] == name for tool in request.json.get("tools", []))


def test_claude_code_gets_an_answer(upstream, proxy, tmp_path):
    upstream.always(saying("The answer ", "is 42."))
    result = ask(proxy, tmp_path, "What is the answer?")
    assert (result["type"], result["subtype"], result["is_error"]) == ("result", "success", False)
    assert result["result"] == "The answer is 42."
    asked = [request for request in upstream.requests if has_tool(request, "Bash")]
    assert asked and all(request.json["model"] == MODEL for request in upstream.requests)
    assert "What is the answer?" in asked[0].body.decode()


def test_claude_code_runs_a_tool_for_the_upstream(upstream, proxy, tmp_path):
    def script(request):
        results = [one for one in request.json["messages"] if one["role"] == "tool"]
        if results:
            return saying("It said: ", "hi.")
        if has_tool(request, "Bash"):
            command = {"command": "echo hi-$((40+2))", "description": "Say hi"}
            return calling("Bash", json.dumps(command), pieces=4)
        return saying("A title")

    upstream.always(script)
    result = ask(proxy, tmp_path, "Say hi.", "--allowedTools", "Bash(echo:*)",
                 "--dangerously-skip-permissions")
    assert (result["is_error"], result["result"]) == (False, "It said: hi.")
    tools = [one for request in upstream.requests for one in request.json["messages"]
             if one["role"] == "tool"]
    # Only the shell can have made this of what the upstream asked for.
    assert "hi-42" in json.dumps(tools[0]["content"])
