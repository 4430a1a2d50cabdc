"""`make gates`: fails when the data path has become dearer than thresholds.txt allows.

Only what does not depend on the machine's speed is measured: instructions (callgrind), allocations
(count.c), system calls (strace), sizes. Each is a difference of two runs, so that start-up is left out.
`gates.py --where NAME` shows what a figure is made of.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from counting import (
    Case, allocation_sites, allocations, callgrind_instructions, instructions, system_calls)
from exchanges import Exchange, raw_request, small_body
from servers import BUILD, Proxy, Upstream, compiled, raise_descriptor_limit

THRESHOLDS = Path(__file__).resolve().parent / "thresholds.txt"
BURST = "bench/burst/3/64"
REQUESTS = {
    "request.small": Case("request.small", "small", BURST, True, 50, 250),
    "request.whole": Case("request.whole", "small", BURST, False, 50, 250),
    "request.large": Case("request.large", "large", BURST, True, 5, 20),
}
# A chunk's share is what a longer stream costs more than a shorter one.
CHUNKS = {
    "chunk.flat": ("bench/burst/{}/32", 2_000, 12_000, {}),
    "chunk.paced": ("bench/paced/{}/32/3000", 100, 600, {}),
    "chunk.relayed": ("bench/burst/{}/32", 2_000, 12_000, {"UPSTREAM_API": "messages"}),
}
STREAMS = 1000


def chunk_cases(name):
    model, few, many, settings = CHUNKS[name]
    return [(count, Case(name, "small", model.format(count), True, 1, 2, settings=settings))
            for count in (few, many)]


def chunk_difference(upstream, name, measure):
    """`measure` gives what one request costs; the difference of two lengths is that of the chunks."""
    (few, short), (many, long) = chunk_cases(name)
    low, high = measure(upstream, short), measure(upstream, long)
    if isinstance(high, tuple):
        return tuple((b - a) / (many - few) for a, b in zip(low, high))
    if isinstance(high, dict):
        return {key: (high.get(key, 0) - low.get(key, 0)) / (many - few) for key in high}
    return (high - low) / (many - few)


def measure_counts(upstream, wanted):
    """Yields (name, figure, what it is made of)."""
    for name in [*REQUESTS, *CHUNKS]:
        def figure(measure, name=name):
            if name in REQUESTS:
                return measure(upstream, REQUESTS[name])
            return chunk_difference(upstream, name, measure)

        if wanted(f"instructions.{name}"):
            yield f"instructions.{name}", figure(instructions), ""
        if wanted(f"allocations.{name}"):
            own, libraries = figure(allocations)
            yield f"allocations.{name}", own, f"libraries: {libraries:.2f}"
        if wanted(f"syscalls.{name}"):
            calls = figure(system_calls)
            ordered = sorted(calls.items(), key=lambda item: -item[1])
            yield f"syscalls.{name}", sum(calls.values()), ", ".join(
                f"{call} {number:.2f}" for call, number in ordered if abs(number) >= 0.01)


def measure_sizes(upstream, wanted):
    if wanted("size.binary_mb"):
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, Proxy.binary], check=True)
            yield "size.binary_mb", Path(stripped.name).stat().st_size / 1e6, "stripped"
    if wanted("memory.idle_mb") or wanted("memory.stream_kb"):
        proxy = Proxy(upstream.port)
        try:
            time.sleep(0.2)
            idle = proxy.rss_mb()
            yield "memory.idle_mb", idle, ""
            if wanted("memory.stream_kb"):
                yield "memory.stream_kb", memory_of_streams(proxy, idle), f"{STREAMS} streams"
        finally:
            proxy.close()


def memory_of_streams(proxy, idle):
    """What an open stream adds, in kilobytes."""
    model = "bench/paced/60/32/1000000"
    with tempfile.TemporaryDirectory() as directory:
        short = Exchange(
            proxy, small_body("bench/paced/02/32/0001000", True), "bench/paced/02/32/0001000",
            Path(directory))
        whole = short.template_file.read_bytes()
        unit_start = whole.rindex(b"event: ", 0, whole.index(b"\2"))
        unit = whole[unit_start:whole.index(b"\n\n", unit_start) + 2]
        short.template_file.write_bytes(whole[:unit_start] + unit * 60)
        short.request_file.write_bytes(raw_request("/v1/messages", small_body(model, True)))
        process = subprocess.Popen(
            [compiled("load"), "--to", f"127.0.0.1:{proxy.port}", "--request", short.request_file,
             "--template", short.template_file, "--first", str(short.first),
             "--connections", str(STREAMS), "--hold", "--seconds", "40"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        opened = process.stderr.readline()
        time.sleep(2)
        memory = proxy.rss_mb()
        process.terminate()
        output, errors = process.communicate(timeout=20)
        if opened.strip() != "open" or process.returncode != 0:
            raise RuntimeError(f"{STREAMS} streams: {output}{errors}")
    return (memory - idle) * 1024 / STREAMS


def thresholds():
    """Figures by name, in the order of the file."""
    found = {}
    for line in THRESHOLDS.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            found[words[0]] = float(words[1])
    return found


def show(number):
    return f"{number:,.0f}" if number >= 1000 else f"{number:.2f}"


def run(pattern):
    allowed = thresholds()
    upstream = Upstream()
    over = []
    try:
        def wanted(name):
            if name not in allowed:
                raise SystemExit(f"{THRESHOLDS.name} has no line for {name}")
            return pattern in name

        for measure in (measure_sizes, measure_counts):
            for name, figure, note in measure(upstream, wanted):
                limit = allowed[name]
                part = figure / limit if limit > 0 else (1 if figure < 0.005 else 2)
                mark = "OVER" if part > 1 else "low " if part < 0.85 else "ok  "
                print(f"{mark} {name:26} {show(figure):>12} of {show(limit):>12} {part:6.0%}  {note}",
                      flush=True)
                if part > 1:
                    over.append((name, figure, limit))
    finally:
        upstream.close()
    for name, figure, limit in over:
        more = f"{figure / limit - 1:.1%}" if limit > 0 else "all of it"
        print(f"\n{name} is {show(figure)}, over its limit of {show(limit)} by {more}."
              f"\n  where: python3 Benchmarks/gates.py --where {name}"
              f"\n  If it is worth that much, say so in the commit and raise the line in"
              f" Benchmarks/{THRESHOLDS.name}.")
    return 1 if over else 0


def where(name):
    kind, _, subject = name.partition(".")
    case = REQUESTS.get(subject) or chunk_cases(subject)[1][1]
    upstream = Upstream()
    try:
        if kind == "instructions":
            output = BUILD / "callgrind.out"
            callgrind_instructions(upstream, case, case.many, output)
            listing = subprocess.run(
                f"callgrind_annotate --inclusive=yes --threshold=100 {output} 2>/dev/null"
                " | swift demangle --simplified", shell=True, capture_output=True, text=True).stdout
            lines = [re.sub(r"\s*\[[^\]]*\]$|\?\?\?:", "", line.strip())
                     for line in listing.splitlines() if re.match(r"\s*[\d,]+ \(", line)]
            print("\n".join(line[:150] for line in lines[:120]))
        elif kind == "allocations":
            print("\n".join(allocation_sites(upstream, case)))
        elif kind == "syscalls":
            for call, number in sorted(system_calls(upstream, case).items(), key=lambda c: -c[1]):
                print(f"{number:10.2f}  {call}")
        else:
            raise SystemExit("sizes are made of everything: try `nm -S --size-sort`, `pmap -x`")
    finally:
        upstream.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pattern", nargs="?", default="", help="only figures whose name has this")
    parser.add_argument("--where", metavar="NAME", help="show what a figure is made of")
    arguments = parser.parse_args()
    if not Proxy.binary.exists():
        raise SystemExit("no binary: run `make build`")
    raise_descriptor_limit()
    if arguments.where:
        return where(arguments.where)
    return run(arguments.pattern)


if __name__ == "__main__":
    sys.exit(main())
