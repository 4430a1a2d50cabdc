"""End-to-end tests: the built binary between a scripted upstream and a raw client."""

from support.fixtures import proxy, start, upstream  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "release: of the program as it is shipped, its size in memory")
