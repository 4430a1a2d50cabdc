"""The table of HTTP against the daemon, against nginx, and against itself."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from http_cases import GOOD, HIDDEN, MARK, SECTIONS, SLOW, SMUGGLED, Case, chunked, WHOLE
from nginx_differences import ACCEPTS_MORE, ACCEPTS_LESS
from raw import PATIENCE, observe
from support import DEADLINE

FAST = [(section, case) for section, cases in SECTIONS.items() for case in cases]


def names(cases):
    return [f"{section}: {case.name}" for section, case in cases]


def probe():
    return GOOD.replace(MARK, b"mark")


def ask(address, case, data=None):
    """The outcome of a case. Behind what must be refused comes a request that must stay unseen."""
    data = case.data if data is None else data
    is_refused = case.want.endswith("!") and not case.ends and not case.pause
    if is_refused and case not in SLOW:
        data += HIDDEN
    return observe(address, data, case.answers, case.ends, case.pause, case.is_head)


def content(request):
    return request.json["messages"][0]["content"].encode()


def settle(upstream, count):
    """What the upstream was asked, once a clean request has been answered after it."""
    upstream.wait_for_requests(count)
    return [content(request) for request in upstream.requests]


def faults(house, case, data=None):
    """What is wrong with the outcome of a case, and with the daemon after it."""
    seen = len(house.upstream.requests)
    outcome = ask(house.proxy.address, case, data)
    if outcome not in case.want.split("|"):
        yield f"{outcome!r} instead of {case.want!r}"
    if (after := observe(house.proxy.address, probe())) != "200":
        yield f"a clean request got {after!r}"
    asked = [content(request) for request in house.upstream.requests[seen:]]
    if SMUGGLED in asked:
        yield "a smuggled request reached the upstream"
    if asked != [MARK] * case.asks + [b"mark"]:
        yield f"the upstream was asked {asked}"


@pytest.mark.parametrize(("section", "case"), FAST, ids=names(FAST))
def test_the_table(house, section, case):
    assert list(faults(house, case)) == []


def test_who_is_too_slow_gets_a_408(open_house):
    """All at once: they do nothing but wait."""
    house = open_house(HEAD_TIMEOUT="400ms", BODY_TIMEOUT="400ms", IDLE_TIMEOUT="600ms")
    with ThreadPoolExecutor(len(SLOW)) as pool:
        outcomes = list(pool.map(lambda case: ask(house.proxy.address, case), SLOW))
    wrong = [
        f"{case.name}: {outcome!r} instead of {case.want!r}"
        for case, outcome in zip(SLOW, outcomes)
        if outcome not in case.want.split("|")
    ]
    assert wrong == []
    assert house.upstream.requests == []
    assert observe(house.proxy.address, probe()) == "200"


@pytest.mark.parametrize("data", [GOOD, chunked(WHOLE)], ids=["length", "chunks"])
def test_the_end_at_every_byte_reaches_no_upstream(house, data):
    seen = len(house.upstream.requests)
    for size in range(len(data)):
        outcome = observe(house.proxy.address, data[:size], ends=True)
        assert outcome in ("-", "400!"), f"after {size} bytes: {outcome}"
    assert observe(house.proxy.address, probe()) == "200"
    assert [content(request) for request in house.upstream.requests[seen:]] == [b"mark"]


def test_an_answer_survives_a_client_that_is_still_sending(house):
    """Lingering close: without it a reset destroys the 413 before the client reads it."""
    data = next(case.data for case in SECTIONS["limits"] if case.name == "a body a byte larger, sent")
    assert [observe(house.proxy.address, data) for _ in range(20)] == ["413!"] * 20


# Calibration --------------------------------------------------------------------------------------

NGINX = """
daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 8m; large_client_header_buffers 4 32k;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen unix:{root}/back; location / {{ return 200 "ok"; }} }}
  server {{ listen unix:{root}/front; location / {{
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host h;
    proxy_pass http://unix:{root}/back; }} }}
}}
"""


@pytest.fixture
def nginx(tmp_path):
    """nginx before a server that takes everything: it reads whole requests, as a proxy must."""
    if not shutil.which("nginx"):
        pytest.skip("needs nginx (Debian: nginx-light)")
    (tmp_path / "nginx.conf").write_text(NGINX.format(root=tmp_path))
    # Its unprivileged worker has to reach the sockets.
    for directory in [tmp_path, *tmp_path.parents]:
        if os.access(directory, os.W_OK) and directory.stat().st_uid == os.getuid():
            directory.chmod(directory.stat().st_mode | 0o011)
        if directory.parent == directory.parent.parent:
            break
    process = subprocess.Popen(
        ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    address, deadline = str(tmp_path / "front"), time.monotonic() + DEADLINE
    while not os.path.exists(address):
        assert process.poll() is None and time.monotonic() < deadline, "nginx did not start"
        time.sleep(0.01)
    yield address
    process.terminate()
    process.wait(DEADLINE)


def is_refused(outcome):
    """By the first final answer, or the want of one."""
    first = next((one for one in outcome.split() if one.strip("!") != "100"), "-")
    return first[0] in "-45h"


def listed(differences):
    return {name for names in differences.values() for name in names}


def test_nginx_agrees_but_for_a_list(nginx):
    """A rule that every good server breaks would be a wrong reading of the RFC. `nginx_differences`
    lists where the two differ and why; any other difference fails, and so does one that is gone."""
    cases = [
        case for section, case in FAST
        # Routes and types are ours alone; nginx's limits are set differently.
        if section in ("line", "fields", "framing", "chunks") and "411" not in case.want
        and case.name not in ("POST whose body is a request", "a length of 0")
    ]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda case: ask(nginx, case), cases))
    more = {c.name for c, o in zip(cases, outcomes) if is_refused(c.want) and not is_refused(o)}
    less = {c.name for c, o in zip(cases, outcomes) if not is_refused(c.want) and is_refused(o)}
    print(f"{len(cases)} cases: nginx accepts {len(more)} that are refused here and refuses"
          f" {len(less)} that are accepted here")
    assert more == listed(ACCEPTS_MORE)
    assert less == listed(ACCEPTS_LESS)


# Does the table see anything? ---------------------------------------------------------------------

def without_second(name):
    def change(data):
        head, mark, rest = data.partition(b"\r\n\r\n")
        seen, lines = False, []
        for line in head.split(b"\r\n"):
            is_it = line.lower().startswith(name)
            if not (is_it and seen):
                lines.append(line)
            seen = seen or is_it
        return b"\r\n".join(lines) + mark + rest
    return change


# What a careless server does to what it reads. Each must be found by at least one case.
CARELESS = {
    "takes LF for a line end": lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "trims before the colon": lambda data: data.replace(b" :", b":").replace(b"\t:", b":"),
    "unfolds lines": lambda data: data.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" "),
    "drops NULs": lambda data: data.replace(b"\0", b""),
    "takes the first of two lengths": without_second(b"content-length"),
    "takes the first of two Hosts": without_second(b"host"),
    "takes the first of two codings": without_second(b"transfer-encoding"),
    "prefers chunks to a length": lambda data: (
        data.replace(b"Content-Length", b"X-Length") if b"chunked" in data else data),
    "drops a sign": lambda data: data.replace(b": +", b": ").replace(b"\r\n+", b"\r\n"),
    "reads 0x": lambda data: data.replace(b"\r\n0x", b"\r\n"),
    "trims chunk sizes": lambda data: data.replace(b" \r\n{", b"\r\n{").replace(b"\t\r\n{",
        b"\r\n{"),
    "knows any version": lambda data: data.replace(b"HTTP/1.2\r", b"HTTP/1.1\r"),
    "drops fragments": lambda data: data.replace(b"#x", b""),
    "knows methods in any letters": lambda data: data.replace(b"get /", b"GET /"),
    "squeezes blanks": lambda data: data.replace(b"  ", b" "),
    "completes what was cut off": lambda data: GOOD if GOOD.startswith(data) and data else data,
}


@pytest.mark.parametrize("fault", CARELESS)
def test_a_careless_server_is_found(house, fault):
    change = CARELESS[fault]
    found = [
        f"{section}: {case.name}" for section, case in FAST
        if section != "limits" and (changed := change(case.data)) != case.data
        and list(faults(house, case, changed))
    ]
    print(f"{fault}: found by {len(found)} cases, such as {found[:3]}")
    assert found
