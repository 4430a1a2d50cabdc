"""Hardening tests: the built binary under hostile bytes, broken upstreams and too much of
everything.

The tables (`*_cases.py`, `*_faults.py`) are the promise, row by row; the `test_*.py` files run
them.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "EndToEnd"))

from support.answers import saying  # noqa: E402
from support.fixtures import proxy, start, upstream  # noqa: E402, F401
from support.proxy import Proxy  # noqa: E402
from support.upstream import ScriptedUpstream  # noqa: E402

# Time-outs short enough for a suite of minutes, long enough for a busy machine.
QUICK = {
    "HEAD_TIMEOUT": "5s",
    "BODY_TIMEOUT": "5s",
    "IDLE_TIMEOUT": "30s",
    "CONNECT_TIMEOUT": "1s",
    "FIRST_BYTE_TIMEOUT": "1s",
    "UPSTREAM_IDLE_TIMEOUT": "1s",
    "STATUS_HOLD": "5s",
    "MAX_BODY": "8MiB",
}


class House:
    """A daemon that serves a whole module, with its upstream: what a case leaves behind shows in
    the next one."""

    def __init__(self, directory, script=None, **settings):
        directory.mkdir(parents=True, exist_ok=True)
        self.upstream = ScriptedUpstream()
        self.upstream.always(script or saying("Hi"))
        self.proxy = Proxy(directory, self.upstream.url, **{**QUICK, **settings})

    def close(self):
        self.upstream.close()
        self.proxy.stop()


@pytest.fixture(scope="module")
def open_house(tmp_path_factory):
    """Makes houses that last as long as the module: `open_house(HEAD_TIMEOUT="300ms")`."""
    houses = []

    def open_house(**settings):
        house = House(tmp_path_factory.mktemp("house"), **settings)
        houses.append(house)
        return house

    yield open_house
    for house in houses:
        house.close()


@pytest.fixture(scope="module")
def house(open_house):
    """A daemon with short time-outs."""
    return open_house()

