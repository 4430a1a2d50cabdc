"""The upstream's list of models, which the daemon fetches by itself: a hostile one costs the list
and nothing else."""

import re
import time

import pytest

from conftest import House
from model_lists import LISTS, MIB
from support import DEADLINE
from support.answers import saying
from support.client import message
from support.proxy import KEY
from support.upstream import ScriptedUpstream

# The longest that a message may take while a list is being read.
SECONDS_MAX = 2
# What the largest list may cost at the peak: 5000 models, twice, and a model of 128 KiB.
RISE_MAX = 32 * MIB
# How long the daemon waits for a list; here the rows that never end are left before.
PATIENCE = 60


@pytest.fixture(scope="module")
def elsewhere():
    server = ScriptedUpstream()
    yield server
    server.close()


def ready(house, row):
    """Whether the daemon has made up its mind about the list."""
    if row.models:
        return house.proxy.ask("GET", "/health").json["models"] == row.models
    return any("not to be had" in line for line in house.proxy.lines)


@pytest.mark.parametrize("row", LISTS, ids=str)
def test_the_table(tmp_path, elsewhere, row):
    steps = row.steps
    if isinstance(steps, list):
        steps = [step.replace(b"ELSEWHERE", elsewhere.url.encode()) if isinstance(step, bytes)
                 else step for step in steps]
    answer = saying("Hi")

    def script(request):
        if not request.path.endswith("/models"):
            return answer
        return steps(request) if callable(steps) else steps

    never = row.says == "did not come within"
    house = House(tmp_path / "house", script, MODELS_REFRESH="1h")
    try:
        house.upstream.wait_for_requests(1)
        before, deadline = house.proxy.memory(), time.monotonic() + DEADLINE
        slowest, rounds = 0.0, 0
        while rounds < 3 or not (never or ready(house, row)):
            assert time.monotonic() < deadline, "the list was neither taken nor given up"
            began = time.monotonic()
            assert house.proxy.post(message(stream=True)).status == 200
            slowest = max(slowest, time.monotonic() - began)
            rounds += 1
        assert slowest < SECONDS_MAX
        # What is known of it can be shown, and used.
        response = house.proxy.ask("GET", "/v1/models?limit=1000",
                                   fields={"anthropic-version": "2023-06-01"})
        assert response.status == 200 and response.json["data"]
        assert house.proxy.post(message(model="claude-a/b", max_tokens=5000)).status == 200
        rise = house.proxy.memory("VmHWM") - before
        print(f"+{rise / MIB:.1f} MiB, the slowest message {slowest * 1000:.0f} ms")
        assert rise < RISE_MAX
        told = [line for line in house.proxy.lines if "list of models" in line]
        if never:
            assert not told and house.proxy.ask("GET", "/health").json["models"] == 0
        elif row.models:
            house.proxy.wait_for_log(f"the upstream lists {row.models} models")
            assert not told
        else:
            assert len(told) == 1 and re.search(row.says, told[0]), told
            assert "limits and prices of models are not known" in told[0]
        assert len(told) <= 1 and elsewhere.connection_count == 0
        # The key as a name is what an upstream calls its model; anywhere else it is a leak.
        assert KEY not in "".join(house.proxy.lines)
    finally:
        house.close()
