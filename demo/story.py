"""What the demo says on the terminal, and its one way of being wrong: something expected was not seen."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Collection, Sequence

WIDTH = 100
"""Lines of prose are no longer than this."""


class Untrue(Exception):
    """Something the demo claims did not come true."""

    def __init__(self, what: str, expected: object, seen: object) -> None:
        super().__init__(what)
        self.what, self.expected, self.seen = what, expected, seen


def check(what: str, seen: object, expected: object) -> None:
    """Raises:
    Untrue: they differ.
    """
    if seen != expected:
        raise Untrue(what, expected, seen)


def check_some(what: str, seen: Collection[object]) -> None:
    """Raises:
    Untrue: there is none.
    """
    if not seen:
        raise Untrue(what, "at least one", "none")


class Story:
    """Headed paragraphs with check marks. Colours only where a person looks on who has not said NO_COLOR."""

    def __init__(self) -> None:
        # A terminal that cannot show a character still gets the rest of the line.
        sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
        term = os.environ.get("TERM", "dumb")
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and term != "dumb"
        self._mark, self._cross = ("✓", "✗") if "utf" in sys.stdout.encoding.lower() else ("[ok]", "[no]")
        self._chapters = 0
        self.title = "the beginning"

    def chapter(self, title: str) -> None:
        """Starts the next paragraph."""
        self._chapters, self.title = self._chapters + 1, title
        print(f"\n{self._paint('1', f'{self._chapters}. {title}')}")

    def say(self, text: str) -> None:
        print(
            textwrap.fill(text, WIDTH, initial_indent="   ", subsequent_indent="   ", break_long_words=False)
        )

    def code(self, text: str) -> None:
        """The call that is being shown."""
        print(f"   {self._paint('36', text)}")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows in columns."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(f"     {'  '.join(cells).rstrip()}")

    def proven(self, text: str) -> None:
        """Ends a paragraph whose checks have all passed."""
        print(f"   {self._paint('32', self._mark)} {text}")

    def failed(self, what: str, expected: object, seen: object) -> None:
        print(f"   {self._paint('31', self._cross)} {what}")
        print(f"     expected: {expected}\n     seen:     {seen}")

    def end(self, text: str) -> None:
        print(f"\n{self._paint('1;32', self._mark)} {text}")

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text
