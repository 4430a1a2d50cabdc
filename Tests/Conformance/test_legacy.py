"""Frameworks on the client's version 1, each in a process of the environment that they need."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.answers import calling, saying
from support.proxy import ROOT

SECONDS_MAX = 60
PYTHON = Path(os.environ.get("LEGACY_PYTHON", ROOT / ".venv-legacy" / "bin" / "python"))


@pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-legacy: run `make conformance`")
@pytest.mark.parametrize("mode", ["whole", "stream"])
@pytest.mark.parametrize(("framework", "tokens"), [
    # The one counts the last answer, the other the whole run.
    ("langchain", 17), ("pydantic_ai", 34),
])
def test_a_framework_goes_through_a_tool_loop(upstream, proxy, framework, tokens, mode):
    upstream.will(
        calling("weather", '{"city": "Köln"}', call_id="functions.weather:0", pieces=4),
        saying("It ", "rains."))
    script = Path(__file__).parent / "legacy" / f"{framework}_loop.py"
    result = subprocess.run(
        [PYTHON, script, proxy.url, mode], capture_output=True, text=True, timeout=SECONDS_MAX)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "calls": [["weather", {"city": "Köln"}]], "text": "It rains.", "stop": "end_turn",
        "tokens": tokens,
    }
    question, call, answer = upstream.request(1).json["messages"][-3:]
    assert question["role"] == "user"
    assert call["tool_calls"][0]["id"] == answer["tool_call_id"] == "functions.weather:0"
    assert (answer["role"], answer["content"]) == ("tool", "rain in Köln")
    assert upstream.request(0).json.get("tools")[0]["function"]["name"] == "weather"
