"""Which CA certificates are trusted: what the file held at the last reload, and nothing else."""

import os
import shlex
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import pytest

from support import DEADLINE, answers
from support.client import message
from support.proxy import binary, run
from support.tls import certificates, front, needs_front, openssl  # noqa: F401

SETTING = "CLAUDE_PROXY_UPSTREAM_CA_FILE"


@pytest.fixture(scope="module")
def another_ca(tmp_path_factory):
    """A CA that has nothing to do with the upstream's certificate."""
    path = tmp_path_factory.mktemp("another")
    openssl(
        path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "30", "-subj", "/CN=Another CA of the tests",
    )
    return (path / "ca.pem").read_bytes()


@pytest.fixture
def site(upstream, front, start, certificates, tmp_path):
    """A proxy that trusts what the test puts into a file, before an upstream behind TLS."""

    class Site:
        good = (certificates / "ca.pem").read_bytes()
        file = tmp_path / "trusted.pem"
        config = tmp_path / "config.env"

        def start(self, content, **settings):
            upstream.always(answers.saying("Hello"))
            self.file.write_bytes(content)
            self.config.write_text(f"{SETTING}={self.file}\n")
            url, _ = front("good")
            self.proxy = start(
                ["--config", str(self.config)], url=url, WORKERS="1", **settings)
            return self

        def reload(self, words="the configuration was reloaded"):
            lines = len(self.proxy.lines)
            self.proxy.signal(signal.SIGHUP)
            return self.proxy.wait_for_log(words, lines)["message"]

        def status(self):
            return self.proxy.post(message()).status

        def statuses(self, count):
            results = []
            threads = [
                threading.Thread(target=lambda: results.append(self.status()))
                for _ in range(count)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE)
            return set(results)

    return Site()


@needs_front
def test_a_ca_that_is_added_to_the_file_is_trusted_after_a_reload(site, another_ca):
    site.start(another_ca)
    assert site.status() == 500
    site.file.write_bytes(another_ca + site.good)
    assert site.status() == 500, "nothing changes without a reload"
    site.reload()
    assert site.status() == 200


@needs_front
def test_a_ca_that_is_taken_out_is_trusted_no_more(site, another_ca):
    """Not by kept connections, nor by kept handles, nor by resumed TLS sessions."""
    site.start(site.good)
    assert site.statuses(12) == {200}
    site.file.write_bytes(another_ca)
    site.reload()
    assert site.statuses(12) == {500}


@needs_front
def test_the_setting_taken_out_brings_the_machines_certificates_back(site):
    site.start(site.good)
    assert site.statuses(12) == {200}
    site.config.write_text("")
    site.reload()
    assert site.statuses(12) == {500}
    site.config.write_text(f"{SETTING}={site.file}\n")
    site.reload()
    assert site.statuses(12) == {200}


@needs_front
def test_a_link_that_is_turned_counts_from_the_reload_on(site, another_ca, tmp_path):
    site.start(site.good)
    assert site.status() == 200
    (tmp_path / "other.pem").write_bytes(another_ca)
    site.file.unlink()
    site.file.symlink_to(tmp_path / "other.pem")
    assert site.status() == 200
    site.reload()
    assert site.status() == 500


@needs_front
@pytest.mark.parametrize("content", [b"", b"\n\n", b"# none for now\n"])
def test_a_file_that_is_emptied_takes_all_trust_away(site, content):
    site.start(site.good)
    assert site.status() == 200
    site.file.write_bytes(content)
    assert "no certificate in PEM" in site.reload("was not reloaded")
    response = site.proxy.post(message())
    assert response.status == 500 and SETTING in response.error["message"]
    assert "/proc/" not in response.error["message"]
    site.file.write_bytes(site.good)
    site.reload()
    assert site.status() == 200


@needs_front
@pytest.mark.parametrize("fault", ["gone", "directory", "damaged"])
def test_a_file_that_cannot_be_read_at_a_reload_changes_nothing(site, fault):
    site.start(site.good)
    assert site.status() == 200
    site.file.unlink()
    if fault == "directory":
        site.file.mkdir()
    if fault == "damaged":
        site.file.write_bytes(site.good[: len(site.good) // 2])
    assert SETTING in site.reload("was not reloaded")
    # Also for new connections.
    assert site.statuses(8) == {200}


@needs_front
def test_a_reload_that_changes_nothing_keeps_the_connections(site, front, tmp_path):
    site.start(site.good)
    assert site.status() == 200
    site.reload()
    assert site.status() == 200
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert len(set(lines)) == 1, "one connection"


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "no certificate in PEM"),
        (b"not a certificate\n", "no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "has no end"),
        (b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n", "is damaged"),
        (b"-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n", "is damaged"),
        (b"\x30\x82\x01\x00", "DER"),
    ],
)
def test_a_file_without_certificates_is_an_error_before_the_start(tmp_path, content, words):
    file = tmp_path / "trusted.pem"
    if content is not None:
        file.write_bytes(content)
    for command in ["check-config", "serve", "print-config"]:
        result = run([command], tmp_path, {SETTING: str(file)})
        assert result.returncode == 78, command
        assert SETTING in result.stderr and words in result.stderr


def test_a_pipe_in_place_of_the_file_does_not_hold_the_start_up(tmp_path):
    os.mkfifo(tmp_path / "trusted.pem")
    result = run(["check-config"], tmp_path, {SETTING: str(tmp_path / "trusted.pem")})
    assert result.returncode == 78


def test_the_reason_names_what_the_service_cannot_see(tmp_path):
    result = run(["check-config"], tmp_path, {SETTING: "/etc/claude-proxy/none.pem"})
    assert result.returncode == 78
    assert "does not see" in result.stderr


SERVICE_USER = "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all"
# ProtectProc=invisible and ProcSubset=pid of the unit.
UNIT_PROC = "mount -t proc -o nosuid,nodev,noexec,hidepid=invisible,subset=pid proc /proc"
USERS = {
    "user": f"exec {SERVICE_USER}",
    "unit": f"exec unshare -m sh -c '{UNIT_PROC} && exec {SERVICE_USER} \"$@\"' x",
}


@pytest.fixture
def common():
    """A directory that other users see too."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@needs_front
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"),
    reason="needs root, setpriv and unshare to be somebody else",
)
@pytest.mark.parametrize("user", USERS)
def test_a_user_without_privileges_trusts_the_file_too(
        user, site, common, another_ca, monkeypatch):
    """The process shows its memory to nobody, and its /proc/self/fd has the certificates."""
    shutil.copy(binary(), common / "claude-proxy")
    wrapper = common / "start"
    program = shlex.quote(str(common / "claude-proxy"))
    wrapper.write_text(f"#!/bin/sh\n{USERS[user]} {program} \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("CLAUDE_PROXY_BINARY", str(wrapper))
    site.file, site.config = common / "trusted.pem", common / "config.env"
    site.start(site.good)
    assert site.statuses(3) == {200}
    site.file.write_bytes(another_ca)
    site.reload()
    assert site.statuses(3) == {500}
