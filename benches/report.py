"""What was measured, as a page: tables of medians and spread, ratios with their interval, and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import plots
from matrix import ALONE
from ratios import Bursts, difference, middle, quartiles, ratio
from stand import cores
from wanted import Measured, wanted

Group = dict[str, Bursts]

HEAD = (
    "| client | calls/s | quartiles | CPU s per 10,000 | p50 µs | p99 µs | peak MB | {} against it (95 %) |"
)


def table(group: Group) -> str:
    """A row for each client; the last column is how many times as many calls ours makes."""
    ours = next(iter(group))
    lines = [HEAD.format(ours), "|---" * 8 + "|"]
    for name, bursts in group.items():
        low, high = quartiles([burst["rate"] for burst in bursts])
        against = "" if name == ours else _told(ratio(group[ours], bursts))
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


def _told(interval: tuple[float, float, float], digits: int = 2) -> str:
    middling, least, most = interval
    return f"{middling:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"


def above(group: Group) -> str:
    """How much longer one call takes than with the first of the group."""
    least = next(iter(group))
    lines = [f"| client | p50 µs | above {least}, µs (95 %) |", "|---|---|---|"]
    for name, bursts in group.items():
        micros = [{"p50": burst["p50"] * 1e6} for burst in bursts]
        more = difference(micros, [{"p50": burst["p50"] * 1e6} for burst in group[least]], "p50")
        more_told = "" if name == least else _told(more, 0)
        lines.append(f"| {name} | {middle(micros, 'p50'):,.0f} | {more_told} |")
    return "\n".join(lines)


def targets(measured: Measured) -> str:
    """What is to be reached, and whether it is."""
    rows = [goal.row() for goal in wanted(measured)]
    return "\n".join(["| | measured (95 %) | wanted | held |", "|---|---|---|---|", *rows])


BEGIN, END = "<!-- make bench writes what follows -->", "<!-- make bench wrote what stands above -->"


def put(document: Path, page: str) -> None:
    """Replaces what the last run wrote into a page."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{page}\n{END}{after}")


def page(measured: Measured, loading: dict[str, float], rounds: int, seconds: float) -> str:
    parts = [
        "### What is wanted",
        targets(measured),
        "Every client is a process of its own and sends a bearer token; threelo does so with its target"
        " checks, retries, governor and events on. The server (hyper, `benches/rust`) has cores of its own."
        f" In each cell and language the clients take turns: {rounds} bursts of about {seconds} s. Medians;"
        " the last column is the median of the ratios of bursts that ran side by side, with its interval.",
        machine(),
        *(f"![{title}](images/{name})" for name, title in plots.TITLES.items()),
    ]
    for cell, groups in measured.items():
        parts.append(f"### {cell}")
        for name, group in groups.items():
            parts += [f"**{name}**", above(group) if name == ALONE else table(group)]
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
