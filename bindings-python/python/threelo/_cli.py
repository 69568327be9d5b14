"""The `threelo` command; it lives in the extension, so that nothing ships twice."""

from __future__ import annotations

import sys

from . import _native


def main() -> None:
    """Runs the command with this process's arguments and exits with its code."""
    sys.exit(_native.cli(["threelo", *sys.argv[1:]]))
