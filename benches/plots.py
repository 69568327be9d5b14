"""Bars with whiskers, as SVG: readable on light and dark pages, and without a library."""

from __future__ import annotations

from html import escape

from ratios import middle, quartiles
from report import Measured

WIDTH, LEFT, ROW = 760, 190, 26
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.name{text-anchor:end}"
    ".ours{fill:#0969da;font-weight:600}"
    ".bar{fill:#8c959f}.bar.ours{fill:#0969da}.spread{stroke:#24292f;stroke-width:1.5;opacity:.6}"
)

Bar = tuple[str, float, float, float]
"""Name, median, and the quartiles."""


def bars(title: str, rows: list[Bar], unit: str) -> str:
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
            f'<text x="{LEFT + high * scale + 8:.1f}" y="{y + 15}">{median:,.0f}{unit}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _rows(groups: dict[str, dict[str, list[dict[str, float]]]], value: str, factor: float) -> list[Bar]:
    rows = []
    for group, clients in groups.items():
        for name, bursts in clients.items():
            low, high = quartiles([burst[value] * factor for burst in bursts])
            rows.append((f"{group.split(',')[0]} {name}", middle(bursts, value) * factor, low, high))
    return rows


def all(measured: Measured) -> dict[str, str]:
    """The plots of a whole run, by file name."""
    many, one = "700 B, http, 64 in flight", "700 B, http, 1 in flight"
    rates, times = _rows(measured[many], "rate", 1), _rows(measured[one], "p50", 1e6)
    return {
        "benchmark-rates.svg": bars(f"Calls per second: {many}", sorted(rates, key=lambda row: -row[1]), ""),
        "benchmark-latency.svg": bars(
            f"Median time of a call: {one}", sorted(times, key=lambda row: row[1]), " µs"
        ),
    }
