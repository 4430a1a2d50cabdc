"""End-to-end tests: the built binary between a scripted upstream and a raw client."""

from support.fixtures import proxy, start, upstream  # noqa: F401
