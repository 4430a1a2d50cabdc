"""The fixtures of both suites."""

import pytest

from .proxy import Proxy
from .upstream import ScriptedUpstream


@pytest.fixture
def upstream():
    """An upstream without scripts."""
    server = ScriptedUpstream()
    yield server
    server.close()


@pytest.fixture
def start(upstream, tmp_path):
    """Starts proxies; their decent end is part of every test.

    `start(STATUS_HOLD="1s")` is a proxy in front of the test's upstream.
    """
    proxies = []

    def start(arguments=(), url=upstream.url, state=None, **settings):
        directory = tmp_path / f"proxy-{len(proxies)}"
        directory.mkdir()
        proxy = Proxy(directory, url, arguments, state, **settings)
        proxies.append(proxy)
        return proxy

    yield start
    # The upstream ends first, lest a drain waits for answers that nobody will give.
    upstream.close()
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def proxy(start):
    """A proxy with the default settings."""
    return start()
