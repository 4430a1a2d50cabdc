"""Claude Code as somebody runs it who has done `eval "$(claude-proxy env)"` and nothing else.

Also in a terminal: what it shows and asks there, in a new home and in one that has been used.
"""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from support import answers
from support.answers import calling, saying
from support.proxy import binary
from test_claude_code import MODEL, claude, has_tool, results

pytestmark = pytest.mark.claude_code

SECONDS_MAX = 90
# What Claude Code asks in a terminal that nobody can answer who has only the README.
DEAD_ENDS = ["Doyouwanttousethis", "Selectloginmethod", "UnabletoconnecttoAnthropic", "Notloggedin",
             "Automodecan'tcheck"]
DISTURBING = {"ANTHROPIC_API_KEY": "sk-ant-mine", "CLAUDE_CODE_USE_VERTEX": "1",
              "HTTP_PROXY": "http://127.0.0.1:1"}


@pytest.fixture
def environment(upstream, start, tmp_path):
    """The environment of a shell that has applied it, with things in it that would disturb."""
    home = tmp_path / "home"
    home.mkdir()
    upstream.always(playing())
    proxy = start(MODELS_REFRESH="1h")
    proxy.wait_for_log("the upstream lists 1 models")
    result = subprocess.run(
        ["bash", "-c", f'eval "$({binary()} env)"; /usr/bin/env -0'], cwd=tmp_path,
        env={"HOME": str(home), "PATH": os.environ["PATH"],
             "CLAUDE_PROXY_LISTEN": proxy.addresses[0], **DISTURBING},
        capture_output=True, text=True, timeout=30, check=True)
    assert result.stderr == ""
    pairs = (item.partition("=") for item in result.stdout.split("\0") if item)
    return {name: value for name, _, value in pairs} | {
        "DISABLE_AUTOUPDATER": "1", "IS_SANDBOX": "1"}


def playing(script=lambda request: saying("The answer is 42.")):
    """An upstream that lists one model of 131072 tokens and plays the conversation."""

    def answer(request):
        if request.path.endswith("/models"):
            return answers.whole(200, {"data": [{
                "id": MODEL, "context_length": 131072,
                "top_provider": {"max_completion_tokens": 32768},
                "supported_parameters": ["max_tokens", "reasoning", "tools", "tool_choice"]}]})
        return script(request)

    return answer


def ask(environment, work, *arguments):
    result = subprocess.run(
        [claude(), "-p", "What is it?", "--output-format", "json", *arguments], cwd=work,
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SECONDS_MAX)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_print_mode_needs_no_more_than_the_environment(upstream, environment, tmp_path):
    value = ask(environment, tmp_path)
    assert value["result"] == "The answer is 42."
    assert value["modelUsage"][MODEL]["contextWindow"] == 131072


def test_a_settings_file_does_the_same(upstream, environment, tmp_path):
    """Whatever the environment holds that came from elsewhere."""
    listen = environment["ANTHROPIC_BASE_URL"].removeprefix("http://")
    text = subprocess.run(
        [binary(), "env", "--shell", "json"], cwd=tmp_path, capture_output=True, check=True,
        env={"CLAUDE_PROXY_LISTEN": listen}, timeout=30).stdout
    settings = tmp_path / "home/.claude/settings.json"
    settings.parent.mkdir()
    settings.write_bytes(text)
    bare = {name: environment[name] for name in ["HOME", "PATH", "IS_SANDBOX"]}
    value = ask({**bare, "ANTHROPIC_API_KEY": "sk-ant-mine", "CLAUDE_CODE_USE_BEDROCK": "1"}, tmp_path)
    assert value["result"] == "The answer is 42."
    assert value["modelUsage"][MODEL]["contextWindow"] == 131072


def test_auto_mode_checks_an_action_by_asking_the_proxy(upstream, environment, tmp_path):
    checks = []

    def script(request):
        if not has_tool(request, "Bash"):
            if "security monitor" in request.body.decode():
                checks.append(request)
                # The words that 2.1.330 wants, and those of 2.1.332.
                wants_block = "<block>" in request.body.decode()
                return saying("<block>no</block>" if wants_block else "<severity>0</severity>")
            return saying("A title")
        if not results(request):
            command = "touch made-$((40+2)) && curl -s http://127.0.0.1:1/x || true"
            return calling("Bash", json.dumps({"command": command, "description": "Look"}))
        return saying("Done.")

    upstream.always(playing(script))
    value = ask(environment, tmp_path, "--permission-mode", "auto")
    assert value["result"] == "Done." and value["permission_denials"] == []
    assert (tmp_path / "made-42").exists()
    assert checks and all(request.json["model"] == MODEL for request in checks)


class Terminal:
    """Claude Code in a terminal of its own."""

    def __init__(self, environment, work):
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.chdir(work)
            os.execve(claude(), ["claude"], {**environment, "TERM": "xterm-256color"})
        self.text = ""

    def read(self, seconds=0.2):
        """What has come since, without colours, movements and blanks."""
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        if not ready:
            return
        try:
            data = os.read(self.descriptor, 1 << 16).decode(errors="replace")
        except OSError:
            return
        data = re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])", "", data)
        self.text += re.sub(r"\s", "", data)

    def press(self, keys):
        """Presses a key once the screen stands still; before, nobody may be listening."""
        length = -1
        while length != len(self.text):
            length = len(self.text)
            self.read(0.5)
        self.text = ""
        os.write(self.descriptor, keys)

    def close(self):
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.descriptor)


# Where it stops on the way to its prompt, and what to press there.
STOPS = [("Choosethetextstyle", [b"\r"]), ("PressEntertocontinue", [b"\r"]),
         ("Yes,Itrustthisfolder", [b"\x1b[B", b"\r"])]


def first_answer(environment, work):
    """Goes from the start to the answer of the first question, and returns the stops that it met."""
    terminal = Terminal(environment, work)
    met, asked, deadline = [], False, time.monotonic() + SECONDS_MAX
    try:
        while time.monotonic() < deadline:
            terminal.read()
            for words in DEAD_ENDS:
                assert words not in terminal.text, terminal.text
            for words, keys in STOPS:
                if words in terminal.text and words not in met:
                    met.append(words)
                    for key in keys:
                        terminal.press(key)
                    break
            if not asked and "automodeon" in terminal.text:
                terminal.press(b"What is it?")
                terminal.press(b"\r")
                asked = True
            if asked and "Theansweris42." in terminal.text:
                return met
        raise AssertionError(f"no answer was shown; met {met}, asked: {asked}\n{terminal.text}")
    finally:
        terminal.close()


def test_a_terminal_asks_nothing_that_cannot_be_answered(upstream, environment, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    assert first_answer(environment, work) == [words for words, _ in STOPS]
    # The second time everything is known.
    assert first_answer(environment, work) == []
    assert all(request.json["model"] == MODEL
               for request in upstream.requests if not request.path.endswith("/models"))
