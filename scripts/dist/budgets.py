"""What the packages may weigh and what loading them may cost, and what they do."""

from __future__ import annotations

import statistics
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
RUNS = 15


@dataclass(frozen=True)
class Budget:
    """One figure and its bound, in the same unit."""

    what: str
    measured: float
    bound: float
    unit: str

    @property
    def held(self) -> bool:
        """Whether the figure is below its bound."""
        return self.measured < self.bound

    def __str__(self) -> str:
        held = "within" if self.held else "OVER"
        return f"{self.what:<42} {self.measured:8.2f} {self.unit}  {held} {self.bound:g} {self.unit}"


def sizes(wheel: Path, native: Path) -> list[Budget]:
    """The wheel as it is downloaded, and the platform package as it lies on the disk."""
    with tarfile.open(native) as archive:
        unpacked = sum(member.size for member in archive)
    return [
        Budget("wheel", wheel.stat().st_size / MB, 8, "MB"),
        Budget("npm platform package, unpacked", unpacked / MB, 12, "MB"),
    ]


def loading(
    python: Path, node_folder: Path, of: Callable[[list[float]], float] = statistics.median
) -> list[Budget]:
    """What importing costs over what is loaded anyway, in fresh processes: the median of some, or whatever of them
    `of` chooses.
    """
    return [
        Budget("import threelo, over import asyncio", of(_runs(_python, python)), 40, "ms"),
        Budget("require('threelo')", of(_runs(_node, node_folder)), 30, "ms"),
    ]


def _runs(measure: Callable[[Path], str], where: Path) -> list[float]:
    measure(where)  # the first reads from the disk
    return [float(measure(where)) for _ in range(RUNS)]


def _python(python: Path) -> str:
    program = "import asyncio, time; t = time.perf_counter(); import threelo; print((time.perf_counter() - t) * 1000)"
    return _told([str(python), "-c", program])


def _node(folder: Path) -> str:
    program = "const t = performance.now(); require('threelo'); console.log(performance.now() - t)"
    return _told(["node", "-e", program], folder)


def _told(command: list[str], cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def report(budgets: list[Budget]) -> int:
    """Prints them; 1 where one is broken."""
    for budget in budgets:
        print(budget, flush=True)
    return int(not all(budget.held for budget in budgets))
