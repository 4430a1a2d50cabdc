"""Conformance tests: what real clients make of the proxy's answers."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "EndToEnd"))

from support.fixtures import proxy, start, upstream  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "claude_code: runs Claude Code itself")


@pytest.fixture
def client(proxy):
    """The official Python client, which does not retry here."""
    import anthropic

    with anthropic.Anthropic(base_url=proxy.url, api_key="unused", max_retries=0) as client:
        yield client
