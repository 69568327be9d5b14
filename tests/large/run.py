"""`make large`: every way with a body of `--size` MB, and a table of what it came to."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import cases
from server import Server
from support import Person, Sandbox
from threelo import Client


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, metavar="MB")
    size = parser.parse_args().size << 20
    failed = False
    print(f"{'language':<10}{'way':<18}{'MB/s':>8}{'grew by MB':>12}")
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox, Server() as server:
        store = Path(folder) / "threelo.db"
        with Client(**sandbox.options(store=str(store))) as client:
            Person(sandbox).connect(client, "user-42")
        for language, way in cases.CASES:
            given = cases.options(language, server.url, sandbox.url, store)
            found = cases.run(language, way, size, given, Path(folder))
            good = found.whole and found.grown_kb < cases.BOUND_KB
            failed |= not good
            speed, grown = (size >> 20) / found.seconds, found.grown_kb / 1024
            print(
                f"{language:<10}{way:<18}{speed:>8.0f}{grown:>12.1f}{'' if good else '  FAILED'}", flush=True
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
