"""The golden scenarios of Tests/Scenarios, as far as a client and an upstream need them.

GatewayTests/Scenarios/ScenarioTests.swift tells of the format of the folders.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .answers import STREAM_END, chunked
from .upstream import RESET

ROOT = Path(__file__).resolve().parents[2] / "Scenarios"
# Framing is the connection's business, not the scenario's.
FRAMING = {"content-length", "transfer-encoding", "connection", "host", "content-type"}


@dataclass(frozen=True)
class Scenario:
    name: str
    fields: dict[str, str]
    body: dict
    settings: dict[str, str]
    answers: list[bytes]

    def __str__(self):
        return self.name

    def script(self):
        """A script that gives the upstream's answers in turn, and the last one again and again."""
        answers = iter(self.answers)
        last = []

        def answer(request):
            last[:] = [next(answers, last[0] if last else None)]
            return steps(last[0])

        return answer


def steps(answer):
    """What the scripted upstream does to give this answer."""
    head, _, body = answer.partition(b"\n\n")
    status, *fields = head.decode().split("\n")
    lines = [f"HTTP/1.1 {status.split()[1]} X", *fields, "Transfer-Encoding: chunked", "", ""]
    is_cut = body.endswith(b"<cut>\n")
    body = body.removesuffix(b"<cut>\n")
    # Events come one by one, as they do in life.
    pieces = re.findall(rb".+?(?:\n\n|\Z)", body, re.DOTALL)
    return [
        "\r\n".join(lines).encode(), *[chunked(piece) for piece in pieces],
        RESET if is_cut else STREAM_END]


def settings(path):
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = [line.split("=", 1) for line in lines if line.strip() and not line.startswith("#")]
    # The upstream is the test's own. Its profile stays what the tests take, unless it is named.
    return {
        name.removeprefix("CLAUDE_PROXY_"): value.strip().strip('"')
        for name, value in pairs if name != "CLAUDE_PROXY_UPSTREAM_URL"
    }


def load(folder):
    """The scenario of a folder, or None if it is not about a message that the upstream answers."""
    head, _, body = (folder / "client.request").read_text().partition("\n\n")
    request_line, *fields = head.split("\n")
    first = folder / "upstream.response"
    path = request_line.split()[1].partition("?")[0]
    if not first.exists() or not path.endswith("/messages"):
        return None
    paths = [first, *sorted(folder.glob("upstream.response.*"))]
    answers = [path.read_bytes() for path in paths]
    if any(not answer.startswith(b"HTTP ") for answer in answers):
        return None
    pairs = [line.split(":", 1) for line in fields]
    return Scenario(
        folder.name,
        {name: value.strip() for name, value in pairs if name.lower() not in FRAMING},
        json.loads(body), settings(folder / "config.env"), answers)


def scenarios():
    folders = sorted(path.parent for path in ROOT.glob("*/client.request"))
    return [scenario for scenario in map(load, folders) if scenario and can_be_sent(scenario)]


def can_be_sent(scenario):
    """Whether Python's client can write the request: it has no way to send half a surrogate pair."""
    try:
        json.dumps(scenario.body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
