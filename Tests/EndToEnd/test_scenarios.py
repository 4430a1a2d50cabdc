"""The golden files of every scenario, through the built binary, its sockets and libcurl.

The unit tests play the same folders without any of these; what differs here is named below.
"""

import re

import pytest

from support.client import Response, normalised
from support.scenarios import ROOT, settings, steps
from support.upstream import CLOSE, RESET

# The key that the golden files were made with; digests of who asks depend on it.
KEY = "sk-or-secret"
# Whose outcome depends on the time of day, which a golden file cannot know.
BY_THE_CLOCK = {
    "error-429-daily", "error-429-reset-far", "error-429-reset-soon", "error-in-200"}
# Differ in every run, or belong to the connection.
PASSING = {"date", "request-id", "connection", "content-length"}


def answers_of(folder):
    first = folder / "upstream.response"
    paths = [first, *sorted(folder.glob("upstream.response.*"))] if first.exists() else []
    return [path.read_bytes() for path in paths]


def folders():
    for folder in sorted(path.parent for path in ROOT.glob("*/client.request")):
        # What a socket cannot be made to do at will is up to other tests.
        fails = any(answer.startswith(b"failure") for answer in answers_of(folder))
        if not fails and folder.name not in BY_THE_CLOCK:
            yield folder


def played(answer):
    # A reset may overtake what was sent before it; a close does not.
    return [CLOSE if step is RESET else step for step in steps(answer)]


def request_of(folder):
    head, _, body = (folder / "client.request").read_bytes().partition(b"\n\n")
    body = body.removesuffix(b"\n")
    lines = [*head.split(b"\n"), b"Host: localhost", b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def golden_response(folder):
    head, _, body = (folder / "client.response").read_bytes().partition(b"\n\n")
    response = Response(head.replace(b"\n", b"\r\n"))
    response.body = body
    return response


def golden_requests(folder):
    for path in sorted(folder.glob("upstream.request*")):
        beta, body = None, path.read_bytes().removesuffix(b"\n")
        if body.startswith(b"x-anthropic-beta: "):
            line, _, body = body.partition(b"\n\n")
            beta = line.partition(b": ")[2].decode()
        yield beta, body


def fields_of(response):
    return sorted((name, value) for name, value in response.fields if name.lower() not in PASSING)


def readable(body):
    """A body as far as it is the same in every run."""
    # libcurl has words of its own for a connection that breaks.
    body = re.sub(rb"broke off \([^)]*\)", b"broke off", body)
    # The upstream is called by where it listens.
    return re.sub(rb"127\.0\.0\.1:\d+|openrouter\.ai", b"UPSTREAM", normalised(body))


@pytest.mark.parametrize("folder", list(folders()), ids=lambda folder: folder.name)
def test_the_binary_gives_the_golden_files(upstream, start, folder):
    upstream.will(*[played(answer) for answer in answers_of(folder)])
    proxy = start(**{"OPENROUTER_API_KEY": KEY, **settings(folder / "config.env")})
    with proxy.connect() as client:
        request = request_of(folder)
        client.send(request)
        response = client.response(is_head=request.startswith(b"HEAD "))
        client.expect_nothing_more()
    golden = golden_response(folder)
    assert response.status == golden.status
    assert fields_of(response) == fields_of(golden)
    bodies = [readable(response.body), readable(golden.body.removesuffix(b"\n"))]
    if not any(b"prompt_tokens" in answer.read_bytes() for answer in folder.glob("upstream.response*")):
        # The proxy's own count, which is exact only if it was made before the answer's end.
        bodies = [re.sub(rb'"input_tokens":[1-9]\d*', b'"input_tokens":1', body) for body in bodies]
    assert bodies[0] == bodies[1]
    sent = [(request.header("x-anthropic-beta"), request.body) for request in upstream.requests]
    assert sent == list(golden_requests(folder))
    assert KEY.encode() not in response.head + response.body
    assert KEY not in "".join(proxy.lines)


def test_nearly_all_scenarios_are_played():
    assert len(list(folders())) >= len(list(ROOT.glob("*/client.request"))) - 12
