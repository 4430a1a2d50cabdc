"""Claude Code itself, as the claude-agent-sdk brings it, against the proxy.

Every test is one session in print mode, with a home and a directory of its own. The upstream plays
the model: it looks at the conversation that it gets, and asks for the next tool. What is checked is
what the session says of itself, what it did to the directory, and what the upstream was sent.
"""

import base64
import importlib.util
import json
import os
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from support import answers
from support.answers import calling, calling_all, failing, saying
from support.upstream import RESET

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


class Session:
    """Claude Code in a home and a directory of its own."""

    def __init__(self, proxy, directory):
        self.url = proxy.url
        self.home, self.work = directory / "home", directory / "work"
        self.home.mkdir()
        self.work.mkdir()

    def ask(self, prompt, *arguments):
        """Runs `claude -p` and returns its result. It may do everything: it is asked by us alone."""
        environment = {
            "HOME": str(self.home), "PATH": os.environ["PATH"],
            "ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
        }
        result = subprocess.run(
            [claude(), "-p", prompt, "--output-format", "json", "--model", MODEL,
             "--dangerously-skip-permissions", *arguments],
            cwd=self.work, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=SECONDS_MAX,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        value = json.loads(result.stdout)
        assert (value["type"], value["subtype"]) == ("result", "success"), value
        assert value["is_error"] is False and value["permission_denials"] == [], value
        return value


@pytest.fixture
def session(proxy, tmp_path):
    return Session(proxy, tmp_path)


def has_tool(request, name):
    return any(tool["function"]["name"] == name for tool in request.json.get("tools", []))


def results(request):
    """The results of tools in a request, as text, in the order of the conversation."""
    return [
        one["content"] if isinstance(one["content"], str) else json.dumps(one["content"])
        for one in request.json["messages"] if one["role"] == "tool"
    ]


def playing(*turns):
    """A model that gives its first answer to no tool results, and the next after each turn of them.

    A turn is a script and the number of results that it leads to.
    """

    def script(request):
        if not has_tool(request, "Bash"):
            return saying("A title")
        seen = len(results(request))
        for answer, count in turns:
            if seen == 0:
                return answer
            seen -= count
        raise AssertionError(f"the session goes on after its last turn: {results(request)}")

    return script


def last_conversation(upstream):
    return [request for request in upstream.requests if has_tool(request, "Bash")][-1]


def test_claude_code_gets_an_answer(upstream, session):
    upstream.always(saying("The answer ", "is 42."))
    result = session.ask("What is the answer?")
    assert result["result"] == "The answer is 42." and result["num_turns"] == 1
    asked = [request for request in upstream.requests if has_tool(request, "Bash")]
    assert asked and all(request.json["model"] == MODEL for request in upstream.requests)
    assert "What is the answer?" in asked[0].body.decode()
    usage = result["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (12, 5)


def test_claude_code_runs_a_command(upstream, session):
    command = {"command": "echo hi-$((40+2))", "description": "Say hi"}
    upstream.always(playing(
        (calling("Bash", json.dumps(command), pieces=4), 1), (saying("It said: ", "hi."), 0)))
    result = session.ask("Say hi.")
    assert (result["result"], result["num_turns"]) == ("It said: hi.", 2)
    # Only the shell can have made this of what the upstream asked for.
    assert "hi-42" in results(last_conversation(upstream))[0]


def test_claude_code_reads_and_writes_files(upstream, session):
    source, target = session.work / "in.txt", session.work / "out.txt"
    source.write_text("Übermut\ntut selten gut\n")
    content = 'She said: "naïve"\n\tC:\\path\\😀\n'
    upstream.always(playing(
        (calling("Read", json.dumps({"file_path": str(source)}), pieces=3), 1),
        (calling("Write", json.dumps({"file_path": str(target), "content": content}),
                 call_id="call_write", pieces=9), 1),
        (saying("Done."), 0),
    ))
    result = session.ask("Copy it.")
    assert (result["result"], result["num_turns"]) == ("Done.", 3)
    assert target.read_text() == content
    read, written = results(last_conversation(upstream))
    assert "Übermut" in read and "tut selten gut" in read
    assert "out.txt" in written


def test_claude_code_runs_tools_in_parallel(upstream, session):
    words = ["one", "two", "three"]
    for word in words:
        (session.work / word).write_text(f"the file {word}\n")
    calls = [("Read", {"file_path": str(session.work / word)}) for word in words]
    upstream.always(playing((calling_all(*calls), 3), (saying("All read."), 0)))
    result = session.ask("Read them all.")
    assert result["result"] == "All read."
    messages = last_conversation(upstream).json["messages"]
    sent = [one for one in messages if one.get("tool_calls")]
    assert len(sent) == 1 and len(sent[0]["tool_calls"]) == 3
    # Each result is that of its call, whatever the order in which they came.
    for index, word in enumerate(words):
        [text] = [one["content"] for one in messages if one.get("tool_call_id") == f"call_{index}"]
        assert f"the file {word}" in json.dumps(text)


def test_claude_code_starts_an_agent(upstream, session):
    task = {"description": "Look around", "prompt": "AGENT-PROMPT: look around.",
            "subagent_type": "general-purpose", "run_in_background": False}
    agents = []

    def script(request):
        if not has_tool(request, "Bash"):
            return saying("A title")
        is_agent = not any(
            "MAIN-PROMPT" in json.dumps(one) for one in request.json["messages"])
        if is_agent:
            agents.append(request)
            if not results(request):
                return calling("Bash", json.dumps({"command": "echo agent-$((6*7))"}))
            return saying("AGENT-REPORT: nothing here.")
        if not results(request):
            name = "Agent" if has_tool(request, "Agent") else "Task"
            return calling(name, json.dumps(task), call_id="call_agent", pieces=5)
        return saying("The agent is back.")

    upstream.always(script)
    result = session.ask("MAIN-PROMPT: send an agent.")
    assert result["result"] == "The agent is back."
    assert len(agents) == 2 and "AGENT-PROMPT" in agents[0].body.decode()
    assert "agent-42" in results(agents[1])[0]
    assert "AGENT-REPORT" in results(last_conversation(upstream))[0]


def png(width, height):
    """A picture, all red."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(
            ">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xff\0\0" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(
        b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_claude_code_shows_a_picture(upstream, session):
    picture = session.work / "red.png"
    picture.write_bytes(png(16, 16))
    upstream.always(playing(
        (calling("Read", json.dumps({"file_path": str(picture)})), 1), (saying("It is red."), 0)))
    assert session.ask("What is on it?")["result"] == "It is red."
    parts = [
        part for one in last_conversation(upstream).json["messages"]
        if isinstance(one.get("content"), list) for part in one["content"]
        if part["type"] == "image_url"
    ]
    assert len(parts) == 1
    head, _, data = parts[0]["image_url"]["url"].partition(";base64,")
    assert head.startswith("data:image/")
    assert base64.b64decode(data, validate=True)[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF")


def test_claude_code_carries_reasoning_and_signatures(upstream, session):
    """What an upstream must have back with its calls comes back, byte for byte."""
    details = [
        {"type": "reasoning.summary", "summary": "Look at it.", "format": "openai-responses-v1",
         "index": 0},
        {"type": "reasoning.encrypted", "data": "Z0FB+/==", "id": "rs_1",
         "format": "openai-responses-v1", "index": 1},
    ]
    extra = {"google": {"thought_signature": "c2ln+/=="}}
    function = {"name": "Bash", "arguments": json.dumps({"command": "echo hi"})}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    upstream.always(playing(
        ([answers.STREAM_HEAD, *[answers.piece({"reasoning_details": [one]}) for one in details],
          answers.piece({"tool_calls": [{**call, "extra_content": extra}]}),
          *answers.ending("tool_calls")], 1),
        (saying("Done."), 0)))
    assert session.ask("Go on.")["result"] == "Done."
    [back] = [one for one in last_conversation(upstream).json["messages"] if "tool_calls" in one]
    assert back["reasoning_details"] == details
    assert back["tool_calls"][0]["extra_content"] == extra


def test_claude_code_compacts_when_the_context_is_full(upstream, session):
    overflow = failing(400, (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "140000 tokens (108000 of text input, 32000 in the output). Please reduce the length of "
        "either one, or use context-compression."))
    compactions, refused = [], []

    def script(request):
        text = request.body.decode()
        if not has_tool(request, "Bash"):
            return saying("A title")
        if "Respond with TEXT ONLY" in text:
            compactions.append(request)
            return saying("<summary>THE-SUMMARY: three questions were asked.</summary>")
        if "QUESTION-4" in text and not compactions:
            refused.append(request)
            return overflow
        return saying("An answer. " + "word " * 2000)

    upstream.always(script)
    session.ask("QUESTION-1 " + "filler " * 2000)
    for number in [2, 3]:
        session.ask(f"QUESTION-{number} " + "filler " * 2000, "--continue")
    result = session.ask("QUESTION-4", "--continue")
    assert result["result"].startswith("An answer.")
    assert refused and len(compactions) >= 1
    last = last_conversation(upstream).body.decode()
    assert "THE-SUMMARY" in last and "QUESTION-4" in last
    assert len(last) < len(refused[0].body)


def test_claude_code_waits_when_it_is_told_to(upstream, session):
    times = []

    def script(request):
        if not has_tool(request, "Bash"):
            return saying("A title")
        times.append(time.monotonic())
        return failing(429, "Slow down", Retry_After="2") if len(times) == 1 else saying("Now.")

    upstream.always(script)
    assert session.ask("Hurry!")["result"] == "Now."
    # Left to itself it would have come back after half a second.
    assert len(times) == 2 and 1.9 <= times[1] - times[0] < 15


@pytest.mark.parametrize("inside", ["text", "a tool call"])
def test_claude_code_gets_over_a_cut(upstream, session, inside):
    asked = []
    command = json.dumps({"command": "echo whole-$((40+2))"})

    def script(request):
        if not has_tool(request, "Bash"):
            return saying("A title")
        asked.append(request)
        if len(asked) == 1:
            whole = saying("A half ", "sentence") if inside == "text" else calling(
                "Bash", command, pieces=4)
            return [*whole[:3], RESET]
        if inside == "text" or results(request):
            return saying("All of it.")
        return calling("Bash", command)

    upstream.always(script)
    assert session.ask("Go on.")["result"] == "All of it."
    assert len(asked) == (2 if inside == "text" else 3)
    if inside == "a tool call":
        [only] = results(asked[-1])
        assert "whole-42" in only


WINDOW = 32768


def small_model(request):
    """A model of 32k tokens, four bytes each, that refuses in OpenRouter's words what does not fit."""
    if request.path.endswith("/models"):
        return answers.whole(200, {"data": [{
            "id": MODEL, "context_length": WINDOW,
            "top_provider": {"context_length": WINDOW, "max_completion_tokens": 8192},
            "supported_parameters": ["max_tokens", "reasoning", "tools", "tool_choice"]}]})
    prompt, tokens = len(request.body) // 4, request.json["max_tokens"]
    if prompt + tokens > WINDOW:
        return failing(400, (
            f"This endpoint's maximum context length is {WINDOW} tokens. However, you requested "
            f"about {prompt + tokens} tokens ({prompt} of text input, {tokens} in the output). "
            "Please reduce the length of either one, or use context-compression."))
    return None


def test_claude_code_lives_on_in_a_small_context(upstream, start, tmp_path):
    """It takes the model for one of a million tokens; only the proxy can tell it better."""
    compactions, refused, answered = [], [], []

    def script(request):
        refusal = small_model(request)
        if refusal:
            if not request.path.endswith("/models"):
                refused.append(request)
            return refusal
        usage = {"prompt_tokens": len(request.body) // 4, "completion_tokens": 50}
        if not has_tool(request, "Bash"):
            return saying("A title", usage=usage)
        if "Respond with TEXT ONLY" in request.body.decode():
            compactions.append(request)
            return saying("<summary>THE-SUMMARY: questions were asked.</summary>", usage=usage)
        answered.append(request)
        return saying("An answer. ", "word " * 200, usage=usage)

    upstream.always(script)
    proxy = start(MODELS_REFRESH="1h")
    upstream.wait_for_requests(1)
    session = Session(proxy, tmp_path)
    for number in range(1, 9):
        more = ["--continue"] if number > 1 else []
        result = session.ask(f"QUESTION-{number} " + "filler " * 2500, *more)
        assert result["result"].startswith("An answer."), (number, result["result"][:200])
    assert compactions, "the session was never compacted"
    assert all(request.json["max_tokens"] <= 8192 for request in answered)
    last = answered[-1].body.decode()
    assert "QUESTION-8" in last and "QUESTION-1 " not in last and "THE-SUMMARY" in last
