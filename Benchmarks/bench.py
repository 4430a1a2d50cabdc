"""`make bench`: measures the proxy against going direct, nginx and the baseline, in one run.

Servers take turns within every round (A B C D A B C D), and a figure is the median over the rounds,
so that a machine that is faster for a while is so for all of them. The load generator checks every
byte that it receives; a wrong one ends the run. Nothing leaves this machine.

Writes a table to standard output, and with --json everything to a file (see report.py).
"""

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
from exchanges import Exchange, large_body, raw_request, small_body
from servers import Baseline, Nginx, Proxy, Upstream, compiled, raise_descriptor_limit, wait_until

BURST = "bench/burst/3/64"


class Bench:
    def __init__(self, quick, wanted):
        self.quick, self.wanted = quick, wanted
        self.rounds = 2 if quick else 5
        self.directory = Path(tempfile.mkdtemp(prefix="bench-"))
        self.figures = {}
        self.servers = []

    def share(self, full, quick):
        return quick if self.quick else full

    # MARK: Servers and load

    def start(self, make):
        server = make()
        self.servers.append(server)
        return server

    def stop(self, *servers):
        for server in servers or reversed(list(self.servers)):
            self.servers.remove(server)
            server.close()

    def start_all(self):
        self.upstream = self.start(Upstream)
        port = self.upstream.port
        self.proxy = self.start(lambda: Proxy(port))
        self.nginx = self.start(lambda: Nginx(port))
        self.baseline = self.start(lambda: Baseline(port)) if Baseline.is_installed() else None

    def exchanges(self, body_of, model, stream, baseline=True):
        """One exchange a server. The upstream gets from all of them what the proxy makes of the
        request (but for the baseline, which makes its own)."""
        body = body_of(model, stream)
        # A server whose load was broken off may still be busy asking; of all that is asked, only what
        # the proxy makes of this request is compact, of its size, and wants a stream.
        for _ in range(20):
            made = [Exchange(self.proxy, body, model, self.directory)]
            sent = self.upstream.get("/last")
            if (model.encode() in sent and b'"stream":true' in sent
                    and abs(len(sent) - len(body)) < len(body) / 2):
                break
            time.sleep(0.2)
        made += [Exchange(server, sent, model, self.directory)
                 for server in (self.upstream, self.nginx)]
        if baseline and self.baseline:
            made.append(Exchange(self.baseline, body, model, self.directory))
        order = ["direct", "nginx", "claude-proxy", "flask"]
        return sorted(made, key=lambda exchange: order.index(exchange.server.name))

    def command(self, exchange, **options):
        command = [compiled("load"), "--to", f"127.0.0.1:{exchange.server.port}",
                   "--request", exchange.request_file, "--template", exchange.template_file,
                   "--first", exchange.first]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", value]
        return list(map(str, command))

    def load(self, exchange, **options):
        done = subprocess.run(
            self.command(exchange, **options), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"{exchange.server.name} answered wrongly: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def in_turn(self, exchanges, **options):
        """Load on each server in turn, `rounds` times: a list of results a server, with the CPU time
        that the server took for each."""
        results = {exchange.server.name: [] for exchange in exchanges}
        for exchange in exchanges:
            self.load(exchange, **{**options, "requests": 20, "seconds": 5})
        for _ in range(self.rounds):
            for exchange in exchanges:
                before = exchange.server.cpu_seconds()
                result = self.load(exchange, **options)
                result["server_cpu_s"] = exchange.server.cpu_seconds() - before
                results[exchange.server.name].append(result)
        return results

    def put(self, figure, **values):
        self.figures[figure] = values
        print(f"  {figure}: " + ", ".join(f"{name} {value:.4g}" if isinstance(value, float)
              else f"{name} {value}" for name, value in values.items()), file=sys.stderr)

    # MARK: Figures

    def added(self, figure, exchanges, sample, **options):
        """Median and 99th percentile of a sample, over going direct, in microseconds."""
        results = self.in_turn(exchanges, **options)
        for part in ("p50", "p99"):
            values = {}
            for name, runs in results.items():
                if name == "direct":
                    continue
                values[name] = statistics.median(
                    run[sample][part] - direct[sample][part]
                    for run, direct in zip(runs, results["direct"]))
            self.put(f"{figure}_{part}_us", direct=statistics.median(
                run[sample][part] for run in results["direct"]), **values)
        return results

    def latency(self):
        count = self.share(400, 100)
        self.added("latency_small", self.exchanges(small_body, BURST, False), "latency_us",
                   requests=count)
        self.added("latency_large", self.exchanges(large_body, BURST, False), "latency_us",
                   requests=self.share(150, 40))

    def first_token(self):
        paced = "bench/paced/4/32/2000"
        for name, body_of in (("small", small_body), ("large", large_body)):
            self.added(f"first_{name}", self.exchanges(body_of, paced, True), "first_us",
                       requests=self.share(100, 30))

    def throughput(self):
        for name, body_of, connections in (("small", small_body, 64), ("large", large_body, 8)):
            results = self.in_turn(
                self.exchanges(body_of, BURST, False), connections=connections,
                seconds=self.share(2, 0.7))
            rates, cpu = {}, {}
            for server, runs in results.items():
                rates[server] = statistics.median(
                    run["completed"] / run["wall_s"] for run in runs)
                cpu[server] = statistics.median(
                    1e6 * run["server_cpu_s"] / run["completed"] for run in runs)
            self.put(f"rate_{name}_per_s", **rates)
            # Microseconds a request are milliseconds a thousand requests.
            self.put(f"cpu_{name}_us", **cpu)
            self.put(f"load_cpu_{name}_us", **{server: statistics.median(
                1e6 * run["cpu_s"] / run["completed"] for run in runs)
                for server, runs in results.items()})

    def paced(self):
        """Events of streams that come one by one."""
        chunks, connections = self.share(100, 50), 50
        model = f"bench/paced/{chunks}/32/10000"
        results = self.added(
            "event_delay", self.exchanges(small_body, model, True), "delay_us",
            connections=connections, requests=connections)
        self.put("cpu_paced_chunk_us", **{
            server: statistics.median(
                1e6 * run["server_cpu_s"] / (run["completed"] * chunks) for run in runs)
            for server, runs in results.items() if server != "direct"})

    def flat_out(self):
        chunks = self.share(100_000, 30_000)
        model = f"bench/burst/{chunks}/32"
        exchanges = self.exchanges(small_body, model, True, baseline=False)
        results = self.in_turn(exchanges, requests=self.share(3, 2))
        if self.baseline:
            few = f"bench/burst/{chunks // 10}/32"
            slow = Exchange(self.baseline, small_body(few, True), few, self.directory)
            results |= self.in_turn([slow], requests=1)
        rates, cpu = {}, {}
        for server, runs in results.items():
            number = chunks // 10 if server == "flask" else chunks
            rates[server] = statistics.median(
                run["completed"] * number / run["wall_s"] for run in runs)
            cpu[server] = statistics.median(
                1e6 * run["server_cpu_s"] / (run["completed"] * number) for run in runs)
        self.put("flat_chunks_per_s", **rates)
        self.put("cpu_flat_chunk_us", **cpu)

    def start_up(self):
        times = sorted(
            Proxy.start_milliseconds(self.upstream.port) for _ in range(self.share(21, 7)))
        self.put("start_ms", **{"claude-proxy": statistics.median(times), "worst": times[-1]})

    def many_streams(self):
        """Memory with streams open that bring one event a second, and how those are served."""
        port, model = self.upstream.port, "bench/paced/60/32/1000000"
        counts = self.share([1000, 5000], [1000])
        for make in (lambda: Nginx(port), lambda: Proxy(port)):
            idle = self.start(make)
            self.put_rss("rss_idle_mb", idle)
            self.stop(idle)
        for count in counts:
            for make in (lambda: Nginx(port), lambda: Proxy(port)):
                server = self.start(make)
                body = small_body(model, True)
                if server.speaks == "chat":
                    short = "bench/burst/1/16"
                    Exchange(self.proxy, small_body(short, True), short, self.directory)
                    body = self.upstream.get("/last").replace(short.encode(), model.encode())
                self.hold(server, body, model, count)
                self.stop(server)

    def put_rss(self, figure, server):
        self.figures.setdefault(figure, {})[server.name] = server.rss_mb()
        print(f"  {figure}: {server.name} {server.rss_mb():.1f}", file=sys.stderr)

    def hold(self, server, body, model, count):
        # The template comes from a stream that ends soon; so long as nothing ends, its begin counts.
        # Of the same length, so that everything else in the request is the same.
        short = model.replace("/60/", "/03/").replace("/1000000", "/0010000")
        template = Exchange(server, body.replace(model.encode(), short.encode()), short,
                            self.directory)
        whole = template.template_file.read_bytes()
        unit = self.unit_of(whole)
        start = whole.index(unit)
        template.template_file.write_bytes(whole[:start] + unit * 60)
        path = "/v1/messages" if server.speaks == "messages" else "/api/v1/chat/completions"
        template.request_file.write_bytes(raw_request(path, body))
        process = subprocess.Popen(
            self.command(template, connections=count, hold=True,
                         seconds=self.share(20, 8)),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        opened = process.stderr.readline()
        if opened.strip() == "open":
            time.sleep(4)
            self.put_rss(f"rss_{count}_mb", server)
        output, errors = process.communicate(timeout=120)
        if process.returncode != 0 or opened.strip() != "open":
            raise SystemExit(f"{server.name}, {count} streams: {output}{errors}")
        result = json.loads(output)
        for sample, part in (("first_us", "p99"), ("delay_us", "p99")):
            name = f"streams_{count}_{sample.removesuffix('_us')}_{part}_us"
            self.figures.setdefault(name, {})[server.name] = result[sample][part]
            print(f"  {name}: {server.name} {result[sample][part]:.0f}", file=sys.stderr)

    @staticmethod
    def unit_of(whole):
        """One event with a time in it."""
        for opening, closing in ((b"event: content_block_delta\n", b"\n\n"), (b"data: ", b"\n\n")):
            stamp = whole.index(b"\2")
            start = whole.rfind(opening, 0, stamp)
            if start >= 0:
                return whole[start:whole.index(closing, stamp) + 2]
        raise RuntimeError("no event with a time")

    def workers(self):
        """Two workers against one, with streams flat out, where the proxy is what limits."""
        chunks = self.share(20_000, 8_000)
        model = f"bench/burst/{chunks}/32"
        rates = {}
        servers = [self.start(lambda count=count: Proxy(self.upstream.port, WORKERS=count))
                   for count in (1, 2)]
        exchanges = [Exchange(server, small_body(model, True), model, self.directory)
                     for server in servers]
        runs = {1: [], 2: []}
        for _ in range(self.rounds):
            for workers, exchange in zip((1, 2), exchanges):
                result = self.load(exchange, connections=8, requests=self.share(48, 16))
                runs[workers].append(result["completed"] * chunks / result["wall_s"])
        self.stop(*servers)
        rates = {workers: statistics.median(values) for workers, values in runs.items()}
        self.put("workers_chunks_per_s", one=rates[1], two=rates[2], ratio=rates[2] / rates[1])

    def stall(self):
        """Streams that run while 24 clients at a time have the tokens of 200 KB counted."""
        counting = self.directory / "count.request"
        body = large_body(BURST, False)
        counting.write_bytes(raw_request("/v1/messages/count_tokens", body))
        expected = self.count_tokens(body)
        template = self.directory / "count.template"
        template.write_bytes(expected)
        model = f"bench/paced/{self.share(800, 300)}/32/10000"
        exchange = Exchange(self.proxy, small_body(model, True), model, self.directory)
        quiet = self.load(exchange, connections=20, requests=20)
        streams = subprocess.Popen(
            self.command(exchange, connections=20, requests=20), stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        counted = subprocess.run(
            [compiled("load"), "--to", f"127.0.0.1:{self.proxy.port}", "--request", str(counting),
             "--template", str(template), "--connections", "24",
             "--seconds", str(self.share(6, 2))], capture_output=True, text=True, timeout=120)
        output, _ = streams.communicate(timeout=120)
        if streams.returncode != 0 or counted.returncode != 0:
            raise SystemExit(f"stall: {output}{counted.stdout}")
        busy, counted = json.loads(output), json.loads(counted.stdout)
        self.put("stall_delay_p99_us", quiet=quiet["delay_us"]["p99"],
                 busy=busy["delay_us"]["p99"], worst=busy["delay_us"]["max"],
                 counts_per_s=counted["completed"] / counted["wall_s"])

    def count_tokens(self, body):
        class Counting:
            name, speaks, port = "claude-proxy", "messages", self.proxy.port
        fetcher = Exchange.__new__(Exchange)
        fetcher.server = Counting
        return fetcher.fetch("/v1/messages/count_tokens", body)

    def tls(self):
        """An upstream with TLS and HTTP/2, which nginx puts before the plain one."""
        certificate = self.certificate()
        front = self.start(lambda: Nginx(self.upstream.port, certificate))
        wait_until("nginx with TLS", lambda: self.accepts(front.port), front.process)
        settings = {
            "UPSTREAM_URL": f"https://127.0.0.1:{front.port}/api/v1",
            "UPSTREAM_CA_FILE": str(certificate[0]),
        }
        secure = self.start(lambda: Proxy(self.upstream.port, **settings))
        secure.name = "tls"
        pairs = [Exchange(server, small_body(BURST, False), BURST, self.directory)
                 for server in (self.proxy, secure)]
        results = self.in_turn(pairs, connections=16, seconds=self.share(2, 0.7))
        connections = self.established(secure.process.pid, front.port)
        self.put("tls_cpu_us", **{name: statistics.median(
            1e6 * run["server_cpu_s"] / run["completed"] for run in runs)
            for name, runs in results.items()})
        self.put("tls_connections", requests=16, upstream=connections)
        self.stop(secure, front)

    def certificate(self):
        files = (self.directory / "certificate.pem", self.directory / "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
             "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        return files

    @staticmethod
    def accepts(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    @staticmethod
    def established(pid, port):
        """How many connections the process has to the port."""
        inodes = set()
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(entry)
            if target.startswith("socket:"):
                inodes.add(target[8:-1])
        count = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            is_there = fields[2].endswith(f":{port:04X}") and fields[3] == "01"
            count += is_there and fields[9] in inodes
        return count

    # MARK: The run

    PARTS = ("start_up", "latency", "first_token", "throughput", "paced", "flat_out",
             "many_streams", "workers", "stall", "tls")

    def run(self):
        raise_descriptor_limit()
        began_at = time.monotonic()
        try:
            self.start_all()
            for part in self.PARTS:
                if self.wanted and part not in self.wanted:
                    continue
                print(f"{part} ({time.monotonic() - began_at:.0f} s)", file=sys.stderr)
                getattr(self, part)()
        finally:
            self.stop()
            shutil.rmtree(self.directory, ignore_errors=True)
        return {
            "machine": machine(), "seconds": round(time.monotonic() - began_at),
            "is_quick": self.quick, "figures": self.figures}


def machine():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())

    def first_line(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout + done.stderr).strip().split("\n")[0]

    return {
        "cores": os.cpu_count(), "cpu": cpu[1] if cpu else platform.machine(),
        "kernel": platform.release(), "load": os.getloadavg()[0],
        "curl": first_line("curl-config", "--version"), "nginx": first_line("nginx", "-v"),
        "swift": first_line("swift", "--version"),
        "date": time.strftime("%Y-%m-%d"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of everything, under a minute")
    parser.add_argument("--only", nargs="+", choices=Bench.PARTS, default=[], help="these parts")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    arguments = parser.parse_args()
    if not Proxy.binary.exists():
        raise SystemExit("no binary: run `make build`")
    result = Bench(arguments.quick, arguments.only).run()
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(report.table(result))


if __name__ == "__main__":
    main()
