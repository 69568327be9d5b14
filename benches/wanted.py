"""What threelo is to reach beside the others, and whether a run shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matrix import ALONE, Cell
from ratios import Bursts, Interval, difference, middle, ratio

Measured = dict[str, dict[str, dict[str, Bursts]]]
"""Bursts by cell, by language, by client."""

MANY = Cell("text", "http", 64).title
PARSED = Cell("json", "http", 64).title
ONE = Cell("text", "http", 1).title


@dataclass(frozen=True)
class Wanted:
    """A figure with its interval, beside what it is to be."""

    what: str
    measured: Interval
    bound: float
    unit: str = ""
    most: bool = False
    """The bound is the most it may be, not the least."""
    low: bool = False
    """It is the lower end of the interval that counts."""

    @property
    def held(self) -> bool:
        counts = self.measured[1] if self.low else self.measured[0]
        return counts <= self.bound if self.most else counts >= self.bound

    def row(self) -> str:
        middling, least, most = (f"{value:.0f}" if self.unit else f"{value:.2f}" for value in self.measured)
        sign, end = ("≤" if self.most else "≥"), (", lower end" if self.low else "")
        held = "yes" if self.held else "**no**"
        return (
            f"| {self.what} | {middling}{self.unit} ({least}–{most}) |"
            f" {sign} {self.bound:g}{self.unit}{end} | {held} |"
        )


def wanted(measured: Measured) -> Iterator[Wanted]:
    """All of it, as far as it was measured."""
    yield from _python(measured)
    yield from _node(measured)
    if rust := measured.get(MANY, {}).get("Rust"):
        yield Wanted("Rust core beside hyper, 64 in flight", ratio(rust["core"], rust["hyper"]), 0.9)
    if alone := measured.get(ONE, {}).get(ALONE):
        for name, most in (("Python async", 60), ("Node", 40), ("Python sync", 30)):
            above = difference(_micros(alone[name]), _micros(alone["hyper"]), "p50")
            yield Wanted(f"{name}, one call at a time, p50 above hyper", above, most, " µs", most=True)


def _python(measured: Measured) -> Iterator[Wanted]:
    if python := measured.get(MANY, {}).get("Python, asyncio"):
        others = [name for name in python if "threelo" not in name]
        best = max(others, key=lambda name: middle(python[name], "rate"))
        beside = ratio(python["threelo"], python[best])
        yield Wanted(f"Python beside the fastest other, {best}, 64 in flight", beside, 0.95, low=True)
        yield Wanted("Python beside aiohttp", ratio(python["threelo"], python["aiohttp"]), 6)
        yield Wanted("Python beside httpx", ratio(python["threelo"], python["httpx"]), 80)
    if python := measured.get(PARSED, {}).get("Python, asyncio"):
        beside = ratio(python["threelo"], python["aiohttp"])
        yield Wanted("Python beside aiohttp with orjson, 100 KB with JSON", beside, 1.5)


def _node(measured: Measured) -> Iterator[Wanted]:
    if node := measured.get(MANY, {}).get("Node"):
        yield Wanted("Node beside undici, 64 in flight", ratio(node["threelo"], node["undici"]), 2.5)
        yield Wanted("Node beside fetch", ratio(node["threelo"], node["fetch"]), 8)
    for protocol, told in (("h1", "https h1"), ("h2", "https h2")):
        if node := measured.get(Cell("text", protocol, 64).title, {}).get("Node"):
            best = max(
                (other for other in node if other != "threelo"), key=lambda other: middle(node[other], "rate")
            )
            yield Wanted(f"Node beside {best}, {told}", ratio(node["threelo"], node[best]), 1)


def _micros(bursts: Bursts) -> Bursts:
    return [{"p50": burst["p50"] * 1e6} for burst in bursts]
