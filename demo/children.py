"""The processes the demo starts. None of them outlives it: each ends with its standard input, and is ended by
its own handle where it does not.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from story import Untrue, check

PATIENCE = 5.0
"""How long, in seconds, processes may take to end after their standard input has."""


class Child:
    """A process that is talked to in lines of JSON."""

    def __init__(self, name: str, command: Sequence[str | Path], complaints: Path) -> None:
        self.name, self._complaints = name, complaints
        with complaints.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )

    def tell(self, what: object) -> None:
        """Raises:
        Untrue: it is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Untrue(f"{self.name} listens", "a running process", self._last_words()) from None

    def hear(self) -> Any:
        """The next line it says.

        Raises:
            Untrue: it is gone.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Untrue(f"{self.name} answers", "a line of JSON", self._last_words())
        return json.loads(line)

    def finish(self) -> None:
        """Waits for the end that comes by itself.

        Raises:
            Untrue: it was not a clean one.
        """
        try:
            status: object = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            status = f"still running after {PATIENCE:.0f} s"
        check(f"exit status of {self.name}", status, 0)

    def hang_up(self) -> None:
        """Closes its standard input."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def end(self, until: float) -> None:
        """Ends it, by force after `until` (of the monotonic clock)."""
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _last_words(self) -> str:
        """Its exit status and the end of its standard error."""
        try:
            status = f"exit status {self._process.wait(PATIENCE)}"
        except subprocess.TimeoutExpired:
            status = "a closed pipe"
        words = self._complaints.read_text(errors="replace").strip()
        return f"{status}\n{words[-2000:]}".rstrip()


class Children:
    """All processes of the demo."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[Child] = []

    def start(self, name: str, *command: str | Path) -> Child:
        child = Child(name, command, self._folder / f"{name}.stderr")
        self._all.append(child)
        return child

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._all:
            child.hang_up()
        until = time.monotonic() + PATIENCE
        for child in self._all:
            child.end(until)
