"""What was measured, as a page: tables of medians and spread, ratios with their interval, and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from ratios import Bursts, middle, quartiles, ratio
from stand import cores

Group = dict[str, Bursts]
Measured = dict[str, dict[str, Group]]
"""By cell, by language, by client."""

HEAD = (
    "| client | calls/s | quartiles | CPU s per 10,000 | p50 µs | p99 µs | peak MB | {} against it (95 %) |"
)


def table(group: Group) -> str:
    """A row for each client; the last column is how many times as many calls ours makes."""
    ours = next(iter(group))
    lines = [HEAD.format(ours), "|---" * 8 + "|"]
    for name, bursts in group.items():
        low, high = quartiles([burst["rate"] for burst in bursts])
        middling, least, most = ratio(group[ours], bursts)
        against = "" if name == ours else f"{middling:.2f} ({least:.2f}–{most:.2f})"
        peak = max(burst["peak_mb"] for burst in bursts)
        cells = (
            name,
            f"{middle(bursts, 'rate'):,.0f}",
            f"{low:,.0f}–{high:,.0f}",
            f"{middle(bursts, 'cpu10k'):.3f}",
            f"{middle(bursts, 'p50') * 1e6:,.0f}",
            f"{middle(bursts, 'p99') * 1e6:,.0f}",
            f"{peak:.0f}",
            against,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


BEGIN, END = "<!-- make bench writes what follows -->", "<!-- make bench wrote what stands above -->"


def put(document: Path, page: str) -> None:
    """Replaces what the last run wrote into a page."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{page}\n{END}{after}")


def page(measured: Measured, loading: dict[str, float], rounds: int, seconds: float) -> str:
    parts = [
        "## threelo beside other clients",
        "Every client is a process of its own and sends a bearer token; threelo does so with its target"
        " checks, retries, governor and events on. The server (hyper, `benches/rust`) has cores of its own."
        f" In each cell and language the clients take turns: {rounds} bursts of about {seconds} s. Medians;"
        " the last column is the median of the ratios of bursts that ran side by side, with its interval.",
        machine(),
        "![Calls per second at 64 in flight, 700 B over http](images/benchmark-rates.svg)",
        "![Median time of one call at a time](images/benchmark-latency.svg)",
    ]
    for cell, groups in measured.items():
        parts.append(f"### {cell}")
        for name, group in groups.items():
            parts += [f"**{name}**", table(group)]
    rows = "\n".join(f"| {name} | {took:.1f} |" for name, took in loading.items())
    parts += ["### Importing", "| package | ms |\n|---|---|\n" + rows]
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    told = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in told if line.startswith("model name")]
    processor = names[0] if names else platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    server, clients = cores()
    busy = os.getloadavg()[2]
    return (
        f"{datetime.now(UTC):%d %B %Y}: {processor}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux"
        f" {platform.release()}, Python {platform.python_version()}, Node {node}; server on cores {server},"
        f" clients on cores {clients}; load average of the last quarter of an hour {busy:.1f}."
    )
