"""Counts that do not depend on the machine's speed: instructions, allocations, system calls.

Everything is a difference of two runs of the load generator against one upstream, so that start-up
and the first requests, which fill pools, are left out.
"""

import bisect
import mmap
import re
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from exchanges import Exchange, large_body, small_body
from servers import BUILD, Proxy, Upstream, compiled, wait_until, without_debug_information

LOAD_SECONDS = 300


class Case:
    """One kind of request, `repeat` times: what is counted is divided by `divisor` for each."""

    def __init__(self, name, body, model, stream, few, many, divisor=1, path=None, settings=None):
        self.name, self.body, self.model, self.stream = name, body, model, stream
        self.few, self.many, self.divisor, self.path = few, many, divisor, path
        self.settings = settings or {}

    def made_body(self):
        made = {"small": small_body, "large": large_body}[self.body] \
            if isinstance(self.body, str) else self.body
        return made(self.model, self.stream)


def send(exchange, count, connections=1):
    """Sends `count` requests and checks every byte of the answers."""
    command = [
        compiled("load"), "--to", f"127.0.0.1:{exchange.server.port}",
        "--request", exchange.request_file, "--template", exchange.template_file,
        "--first", exchange.first, "--requests", count, "--connections", connections]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=LOAD_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"load: {done.stdout} {done.stderr}")


def callgrind_instructions(upstream, case, count, output="/dev/null"):
    """All instructions of a proxy that serves `count` requests, from its start to its end."""
    proxy = Proxy(
        upstream.port, binary=without_debug_information(),
        wrapper=["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"],
        **case.settings)
    try:
        with tempfile.TemporaryDirectory() as directory:
            exchange = Exchange(proxy, case.made_body(), case.model, Path(directory))
            send(exchange, count)
        proxy.process.terminate()
        proxy.process.wait(60)
        return int(re.search(r"Collected : (\d+)", proxy.log_text())[1])
    finally:
        proxy.close()


def instructions(upstream, case):
    few = callgrind_instructions(upstream, case, case.few)
    many = callgrind_instructions(upstream, case, case.many)
    return (many - few) / (case.many - case.few) / case.divisor


def system_calls(upstream, case):
    """The calls of each kind, for each thing that the case counts."""
    runs = []
    for count in (case.few, case.many):
        with tempfile.TemporaryDirectory() as directory:
            table = Path(directory) / "calls"
            proxy = Proxy(
                upstream.port, wrapper=["strace", "-f", "-c", "-o", table], **case.settings)
            try:
                exchange = Exchange(proxy, case.made_body(), case.model, Path(directory))
                send(exchange, count)
                # strace passes no signal on; the proxy is its child.
                for pid in proxy.pids()[1:]:
                    subprocess.run(["kill", "-TERM", str(pid)], check=False)
                proxy.process.wait(20)
            finally:
                proxy.close()
            rows = re.findall(
                r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", table.read_text(), re.M)
            runs.append({name: int(number) for number, name in rows if name != "total"})
    few, many = runs
    each = {name: (number - few.get(name, 0)) / (case.many - case.few) / case.divisor
            for name, number in many.items()}
    return {name: number for name, number in each.items() if abs(number) >= 0.005}


class Allocations:
    """What count.c counts in a proxy."""

    FIELDS = struct.Struct("4Q")

    def __init__(self, upstream, case, trace=None):
        self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name) / "counts"
        path.write_bytes(bytes(self.FIELDS.size))
        environment = {"LD_PRELOAD": compiled("count.so"), "COUNT_FILE": str(path)}
        if trace:
            environment["COUNT_TRACE"] = str(trace)
        self.file = open(path, "r+b")
        self.counts = mmap.mmap(self.file.fileno(), self.FIELDS.size)
        # Without DWARF, so that addresses are those of the symbols that `nm` lists.
        self.proxy = Proxy(
            upstream.port, binary=without_debug_information(), environment=environment,
            **case.settings)
        self.exchange = Exchange(
            self.proxy, case.made_body(), case.model, Path(self.directory.name))

    def of(self, count):
        """(of the program, of libraries, bytes of the program) for `count` requests."""
        before = self.FIELDS.unpack(self.counts[:])
        send(self.exchange, count)
        wait_until_quiet(self.proxy)
        after = self.FIELDS.unpack(self.counts[:])
        return tuple(end - begin for begin, end in zip(before, after))[:3]

    def trace(self, is_on):
        self.counts[24:32] = struct.pack("Q", is_on)

    def close(self):
        self.proxy.close()
        self.counts.close()
        self.file.close()
        self.directory.cleanup()


def wait_until_quiet(proxy):
    """Until what follows an answer (the record, the upstream's last bytes) is done."""
    last = -1.0

    def is_quiet():
        nonlocal last
        before, last = last, proxy.cpu_seconds()
        time.sleep(0.03)
        return before == last

    wait_until("the proxy comes to rest", is_quiet)


def allocations(upstream, case):
    """(of the program, of libraries) for each thing that the case counts."""
    counted = Allocations(upstream, case)
    try:
        counted.of(case.few)
        few, many = counted.of(case.few), counted.of(case.many)
    finally:
        counted.close()
    number = (case.many - case.few) * case.divisor
    return (many[0] - few[0]) / number, (many[1] - few[1]) / number


def allocation_sites(upstream, case, shown=40):
    """The commonest callers of the program's allocations, with how often each a request."""
    trace = BUILD / "allocations.trace"
    trace.unlink(missing_ok=True)
    counted = Allocations(upstream, case, trace)
    try:
        counted.of(case.few)
        counted.trace(1)
        counted.of(case.few)
        counted.trace(0)
    finally:
        counted.close()
    frames = list(struct.iter_unpack("8Q", trace.read_bytes()))
    symbols = Symbols(without_debug_information())
    sites = {}
    for addresses in frames:
        names = [symbols.name(address) for address in addresses if address]
        # The runtime's own frames say nothing of where.
        named = [name for name in names if not re.match("swift_|swift::|_swift|_allocate|malloc", name)]
        site = " < ".join(named[:4])
        sites[site] = sites.get(site, 0) + 1
    ordered = sorted(sites.items(), key=lambda item: -item[1])[:shown]
    return [f"{number / case.few / case.divisor:8.2f}  {site}" for site, number in ordered]


class Symbols:
    """Names of a program's functions by address."""

    def __init__(self, program):
        listing = subprocess.run(
            f"nm --defined-only -n {program} | swift demangle --simplified", shell=True,
            capture_output=True, text=True, check=True).stdout
        self.table = []
        for line in listing.splitlines():
            match = re.match(r"([0-9a-f]+) [tTwW] (.*)", line)
            if match:
                self.table.append((int(match[1], 16), match[2]))
        self.starts = [start for start, _ in self.table]

    def name(self, address):
        index = bisect.bisect_right(self.starts, address) - 1
        return self.table[index][1] if index >= 0 else "?"
