"""Bars with whiskers, as SVG: readable on light and dark pages, and without a library."""

from __future__ import annotations

from html import escape

from matrix import ALONE, Cell
from ratios import middle, quartiles
from wanted import Measured

WIDTH, LEFT, ROW = 760, 190, 26
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.name{text-anchor:end}"
    ".ours{fill:#0969da;font-weight:600}"
    ".bar{fill:#8c959f}.bar.ours{fill:#0969da}.spread{stroke:#24292f;stroke-width:1.5;opacity:.6}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.ours,.bar.ours{fill:#4493f8}.bar{fill:#656c76}"
    ".spread{stroke:#f0f6fc}}"
)

Bar = tuple[str, float, float, float]
"""Name, median, and the quartiles."""


def bars(title: str, rows: list[Bar], unit: str, digits: int = 0) -> str:
    top = max((high for _, _, _, high in rows), default=1.0) or 1.0
    scale = (WIDTH - LEFT - 90) / top
    height = 44 + ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text x="8" y="22">{escape(title)}</text>',
    ]
    for index, (name, median, low, high) in enumerate(rows):
        y = 36 + ROW * index
        ours = " ours" if "threelo" in name or "core" in name else ""
        parts += [
            f'<text class="name{ours}" x="{LEFT - 8}" y="{y + 15}">{escape(name)}</text>',
            f'<rect class="bar{ours}" x="{LEFT}" y="{y + 3}" width="{median * scale:.1f}" height="16"/>',
            f'<line class="spread" x1="{LEFT + low * scale:.1f}" x2="{LEFT + high * scale:.1f}"'
            f' y1="{y + 11}" y2="{y + 11}"/>',
            f'<text x="{LEFT + high * scale + 8:.1f}" y="{y + 15}">{median:,.{digits}f}{unit}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _rows(groups: dict[str, dict[str, list[dict[str, float]]]], value: str, factor: float) -> list[Bar]:
    rows = []
    for group, clients in groups.items():
        for name, bursts in clients.items():
            low, high = quartiles([burst[value] * factor for burst in bursts])
            rows.append((f"{group.split(',')[0]} {name}", middle(bursts, value) * factor, low, high))
    return rows


MANY, ONE = Cell("text", "http", 64), Cell("text", "http", 1)
RATES = {
    "benchmark-rates.svg": MANY,
    "benchmark-rates-h1.svg": Cell("text", "h1", 64),
    "benchmark-rates-h2.svg": Cell("text", "h2", 64),
    "benchmark-json.svg": Cell("json", "http", 64),
    "benchmark-stream.svg": Cell("stream", "http", 16),
}
TITLES = {
    **{name: f"Calls per second: {cell.title}" for name, cell in RATES.items()},
    "benchmark-latency.svg": f"Median time of a call: {ONE.title}",
    "benchmark-cpu.svg": f"Processor seconds per 10,000 calls: {MANY.title}",
    "benchmark-memory.svg": f"Most memory a process took: {MANY.title}",
}
"""The plots of a whole run: file name, and what each shows."""


def all(measured: Measured) -> dict[str, str]:
    """The plots of a whole run, by file name."""
    drawn = {
        name: _plot(measured, name, cell, "rate", 1, "", most_first=True) for name, cell in RATES.items()
    }
    return drawn | {
        "benchmark-latency.svg": _plot(measured, "benchmark-latency.svg", ONE, "p50", 1e6, " µs"),
        "benchmark-cpu.svg": _plot(measured, "benchmark-cpu.svg", MANY, "cpu10k", 1, " s", digits=2),
        "benchmark-memory.svg": _plot(measured, "benchmark-memory.svg", MANY, "peak_mb", 1, " MB"),
    }


def _plot(
    measured: Measured,
    name: str,
    cell: Cell,
    value: str,
    factor: float,
    unit: str,
    *,
    most_first: bool = False,
    digits: int = 0,
) -> str:
    groups = {group: clients for group, clients in measured[cell.title].items() if group != ALONE}
    rows = sorted(_rows(groups, value, factor), key=lambda row: row[1], reverse=most_first)
    return bars(TITLES[name], rows, unit, digits)
