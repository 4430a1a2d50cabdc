"""A TLS front before the scripted upstream, and certificates that are good and bad."""

import shutil
import socket
import subprocess
import time

import pytest

from . import DEADLINE

needs_front = pytest.mark.skipif(
    not shutil.which("nghttpx"), reason="needs nghttpx (Debian: nghttp2-proxy)"
)


def openssl(directory, *arguments):
    subprocess.run(
        ["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=DEADLINE
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA and three certificates of its making: good, expired, and for another host."""
    path = tmp_path_factory.mktemp("tls")
    openssl(
        path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "30", "-subj", "/CN=CA of the tests",
    )
    for name, host, days in [
        ("good", "localhost", "30"), ("expired", "localhost", "0"), ("other", "other.test", "30"),
    ]:
        openssl(
            path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.csr", "-subj", f"/CN={host}",
        )
        (path / "extensions").write_text(f"subjectAltName=DNS:{host}")
        openssl(
            path, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", days, "-extfile", "extensions", "-out", f"{name}.pem",
        )
    return path


@pytest.fixture
def front(upstream, certificates, tmp_path):
    """Starts a TLS front before the scripted upstream; gives its URL and its access log.

    A line of the log: the protocol, the port of the connection, and `r` if its TLS session was resumed.
    """
    processes = []

    def start(name, *options):
        # Somebody may take the port before the front does.
        for _ in range(3):
            port, log = attempt(name, *options)
            if port:
                break
        assert port, "nghttpx did not start"
        return f"https://localhost:{port}/v1", log

    def attempt(name, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = tmp_path / "access.log"
        address = upstream.url.split("/")[2].replace(":", ",")
        process = subprocess.Popen(
            [
                # Debian's configuration file would add a front end, at the same port for every test.
                "nghttpx", "--conf=/dev/null", f"-f127.0.0.1,{port}", f"-b{address}", "--workers=1",
                f"--accesslog-file={log}", "--accesslog-format=$alpn $remote_port $tls_session_reused",
                *options,
                str(certificates / f"{name}.key"), str(certificates / f"{name}.pem"),
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        processes.append(process)
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port, log
            except OSError:
                assert time.monotonic() < deadline
                if process.poll() is not None:
                    return None, log

    yield start
    for process in processes:
        process.terminate()
        process.wait(DEADLINE)
