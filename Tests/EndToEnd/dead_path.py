"""In a network namespace of its own: a proxy whose path to its upstream dies without a word.

dead_path.py BINARY h2|h1 direct|tunnel DIRECTORY. Fails when a request is not answered within some
seconds. To the sockets it makes no difference whether the machine has got another address, or a router
has forgotten which connections it knew: what they send is answered by nobody.
"""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support import client  # noqa: E402
from support.client import message  # noqa: E402
from support.proxy import Proxy  # noqa: E402
from support.tls import openssl  # noqa: E402

protocol, way, directory = sys.argv[2], sys.argv[3], Path(sys.argv[4])
# TCP_USER_TIMEOUT has 15 s; then a request is asked again.
SECONDS_MAX = 25
client.DEADLINE = 60


def ip(*arguments, inside=None):
    prefix = ["nsenter", "-t", str(inside), "-n"] if inside else []
    subprocess.run([*prefix, "ip", *arguments], check=True)


# The upstream's side is another namespace, held by a process that sleeps.
far = subprocess.Popen(["unshare", "-n", "sleep", "90"])
processes = [far]
try:
    time.sleep(0.2)
    ip("link", "set", "lo", "up")
    ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far.pid))
    ip("addr", "add", "10.9.0.1/24", "dev", "near")
    ip("link", "set", "near", "up")
    ip("link", "set", "lo", "up", inside=far.pid)
    ip("addr", "add", "10.9.0.2/24", "dev", "far", inside=far.pid)
    ip("link", "set", "far", "up", inside=far.pid)

    openssl(
        directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out",
        "cert.pem", "-days", "2", "-subj", "/CN=10.9.0.2", "-addext", "subjectAltName=IP:10.9.0.2",
    )
    code = "\n".join([
        "import sys, time", f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "from support import answers", "from support.hop import Hop",
        "from support.upstream import ScriptedUpstream",
        "upstream = ScriptedUpstream()", "upstream.always(answers.saying('Hello'))",
        "hop = Hop(8443, True, '10.9.0.2')", "print(upstream.port, hop.port, flush=True)",
        "time.sleep(90)",
    ])
    inside = ["nsenter", "-t", str(far.pid), "-n"]
    scripted = subprocess.Popen(
        [*inside, sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    processes.append(scripted)
    port, tunnel_port = scripted.stdout.readline().split()
    more = ["--npn-list=http/1.1"] if protocol == "h1" else []
    processes.append(subprocess.Popen(
        [*inside, "nghttpx", "-f*,8443", f"-b127.0.0.1,{port}", "--workers=1", *more,
         str(directory / "key.pem"), str(directory / "cert.pem")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("10.9.0.2", 8443), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    (directory / "proxy").mkdir()
    variables = {"https_proxy": f"http://10.9.0.2:{tunnel_port}"} if way == "tunnel" else {}
    proxy = Proxy(
        directory / "proxy", "https://10.9.0.2:8443/v1", WORKERS="1",
        UPSTREAM_CA_FILE=str(directory / "cert.pem"), **variables)
    results = []

    def ask(stream=False):
        began = time.monotonic()
        response = proxy.post(message(stream=stream))
        results.append((response.status, round(time.monotonic() - began, 1)))

    def ask_many(count):
        threads = [threading.Thread(target=ask, args=(index % 2 == 1,)) for index in range(count)]
        for thread in threads:
            thread.start()
        return threads

    for thread in ask_many(6):
        thread.join()
    assert [status for status, _ in results] == [200] * 6, results
    results.clear()

    ip("addr", "del", "10.9.0.1/24", "dev", "near")
    ip("addr", "add", "10.9.0.9/24", "dev", "near")
    threads = ask_many(6)
    for thread in threads:
        thread.join()
    print("while the path was dead:", results)
    assert [status for status, _ in results] == [200] * 6, results
    assert max(seconds for _, seconds in results) < SECONDS_MAX
    results.clear()
    for _ in range(6):
        ask()
    print("afterwards:", results)
    assert max(seconds for _, seconds in results) < 3 and {s for s, _ in results} == {200}
    proxy.stop()
finally:
    for process in reversed(processes):
        process.kill()
        process.wait()
