"""What the tests of the built binary share: the proxy's process, a scripted upstream, a raw client.

Nothing here knows the proxy from the inside. Every wait has a deadline, every port is the kernel's
choice, and nothing but loopback is used.
"""

# No single wait of a test is longer. Generous, because machines that run tests are busy.
DEADLINE = 15.0
