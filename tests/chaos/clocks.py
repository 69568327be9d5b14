"""The clocks of a process, moved while it runs. The C library's answers are changed by a small library of
ours (clocks.c): libfaketime moves all clocks together, and a suspend is a monotonic clock that stands still
while the others go on.
"""

from __future__ import annotations

import mmap
import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clocks.c")


class Clocks:
    """What is added to the wall clock and the monotonic clock of the processes started with them."""

    def __init__(self, folder: Path, name: str) -> None:
        library, numbers = folder / "clocks.so", folder / f"clocks-{name}"
        if not library.exists():
            # Rust needs a C compiler to link with, so there is one.
            command = [os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
            subprocess.run([*command, "-ldl"], check=True)
        numbers.write_bytes(bytes(16))
        with numbers.open("r+b") as file:
            # In whole numbers, each of which is written at once.
            self._moved = memoryview(mmap.mmap(file.fileno(), 16)).cast("q")
        self.environment = {"LD_PRELOAD": str(library), "THREELO_CLOCKS": str(numbers)}

    def move(self, *, wall: float | None = None, monotonic: float | None = None) -> None:
        """Sets how far the clocks are from the machine's own, in seconds."""
        for place, seconds in enumerate((wall, monotonic)):
            if seconds is not None:
                self._moved[place] = round(seconds * 1000)
