"""The table of a benchmark's results, with the targets.

As a program: `report.py RESULTS.json [DOCUMENT.md]` prints the table, or writes it into the document
between the two lines that mark the place.
"""

import json
import sys
from pathlib import Path

OURS = "claude-proxy"
BEGIN = "<!-- The table below is written by `make bench`. -->"
END = "<!-- End of the table. -->"


class Row:
    """One line: a figure for every server, and what is wanted of ours."""

    def __init__(self, label, figure, unit, *, most=None, least=None, most_of_nginx=None,
                 least_of_nginx=None, name=OURS, scale=1):
        self.label, self.figure, self.unit, self.name, self.scale = label, figure, unit, name, scale
        self.most, self.least = most, least
        self.most_of_nginx, self.least_of_nginx = most_of_nginx, least_of_nginx

    def target(self):
        if self.most is not None:
            return f"≤ {self.most:g} {self.unit}".strip()
        if self.least is not None:
            return f"≥ {self.least:g} {self.unit}".strip()
        if self.most_of_nginx is not None:
            return f"≤ {self.most_of_nginx:g} × nginx" if self.most_of_nginx != 1 else "≤ nginx"
        if self.least_of_nginx is not None:
            return f"≥ {self.least_of_nginx:g} × nginx"
        return ""

    def is_met(self, values):
        ours = values[self.name] / self.scale
        nginx = values.get("nginx", 0) / self.scale
        return all((
            self.most is None or ours <= self.most, self.least is None or ours >= self.least,
            self.most_of_nginx is None or ours <= self.most_of_nginx * nginx,
            self.least_of_nginx is None or ours >= self.least_of_nginx * nginx))

    def cells(self, values):
        def cell(name):
            return number(values[name] / self.scale) if name in values else ""

        ratio = ""
        if values.get("nginx", 0) > 0 and self.name in values:
            ratio = f"{values[self.name] / values['nginx']:.2f}"
        return [self.label, self.unit, cell("direct"), cell("nginx"), cell(self.name), cell("flask"),
                ratio, self.target(),
                "" if not self.target() else "yes" if self.is_met(values) else "no"]


def number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 \
        else f"{value:.2f}"


ROWS = [
    Row("added latency, 1 KB, p50", "latency_small_p50_us", "µs", most=150),
    Row("added latency, 1 KB, p99", "latency_small_p99_us", "µs", most_of_nginx=1),
    Row("added latency, 200 KB, p50", "latency_large_p50_us", "µs", most=1000),
    Row("first token added, 1 KB, p50", "first_small_p50_us", "µs", most=150),
    Row("first token added, 1 KB, p99", "first_small_p99_us", "µs", most=3000),
    Row("first token added, 200 KB, p50", "first_large_p50_us", "µs", most=1200),
    Row("first token added, 200 KB, p99", "first_large_p99_us", "µs", most=3000),
    Row("requests, 1 KB, 64 at a time", "rate_small_per_s", "/s", least_of_nginx=0.6),
    Row("requests, 200 KB, 8 at a time", "rate_large_per_s", "/s", least_of_nginx=0.5),
    Row("CPU of 1000 requests, 1 KB", "cpu_small_us", "ms", most_of_nginx=1.5),
    Row("CPU of 1000 requests, 200 KB", "cpu_large_us", "ms"),
    Row("delay added to an event, p50", "event_delay_p50_us", "µs", most=60),
    Row("delay added to an event, p99", "event_delay_p99_us", "µs", most_of_nginx=1),
    Row("CPU of a chunk, paced", "cpu_paced_chunk_us", "µs", most_of_nginx=1),
    Row("chunks of one stream, flat out", "flat_chunks_per_s", "/s", least_of_nginx=0.6),
    Row("CPU of a chunk, flat out", "cpu_flat_chunk_us", "µs", most=1.5),
    Row("memory, idle", "rss_idle_mb", "MB", most=16),
    Row("memory, 1000 open streams", "rss_1000_mb", "MB", most=40),
    Row("memory, 5000 open streams", "rss_5000_mb", "MB", most=120),
    Row("1000 streams: delay of an event, p99", "streams_1000_delay_p99_us", "ms", scale=1000),
    Row("1000 streams: first token, p99", "streams_1000_first_p99_us", "ms", scale=1000),
    Row("5000 streams: delay of an event, p99", "streams_5000_delay_p99_us", "ms", scale=1000),
    Row("5000 streams: first token, p99", "streams_5000_first_p99_us", "ms", scale=1000),
    Row("exec to READY=1", "start_ms", "ms", most=30),
    Row("two workers against one, flat out", "workers_chunks_per_s", "×", least=1.7, name="ratio"),
    Row("delay of events while 24 clients count 200 KB, p99", "stall_delay_p99_us", "ms", most=5,
        name="busy", scale=1000),
    Row("CPU of 1000 requests over TLS and HTTP/2", "tls_cpu_us", "ms", name="tls"),
    Row("connections upstream for 16 requests at a time, HTTP/2", "tls_connections", "",
        name="upstream"),
]


def table(result):
    heads = ["", "unit", "direct", "nginx", OURS, "flask", "ratio to nginx", "target", "met"]
    lines = [" | ".join(heads), "|".join(["---"] * len(heads))]
    for row in ROWS:
        if row.figure in result["figures"]:
            values = result["figures"][row.figure]
            if row.name in values:
                lines.append(" | ".join(row.cells(values)))
    machine = result["machine"]
    text = "\n".join(f"| {line} |" for line in lines)
    return (f"{text}\n\nMeasured {machine['date']} on {machine['cores']} cores of {machine['cpu']},"
            f" kernel {machine['kernel']}, {machine['nginx']}, {machine['curl']};"
            f" load of the machine when it ended: {machine['load']:.1f}.")


def write_into(document, text):
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"{document} does not mark the place of the table")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    made = table(json.loads(Path(sys.argv[1]).read_text()))
    if len(sys.argv) > 2:
        write_into(Path(sys.argv[2]), made)
    else:
        print(made)
