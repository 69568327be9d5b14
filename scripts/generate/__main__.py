"""Writes, from api.toml, everything that repeats it.

`python3 scripts/generate` writes the files; with `--check` it only compares, and fails when one is
out of date.
"""

from __future__ import annotations

import sys

import docs
import node
import python
import rust
from common import ROOT

OUTPUTS = {**rust.OUTPUTS, **python.OUTPUTS, **node.OUTPUTS, **docs.OUTPUTS}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in OUTPUTS.items():
        path, text = ROOT / name, make()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name in stale:
        print(f"{'out of date' if check else 'written'}: {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
