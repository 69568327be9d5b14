"""Builds the packages people install into `dist/`: sdist, wheel, and npm's two tarballs, and weighs them.

    python3 scripts/dist             all of them, for this machine's platform
    python3 scripts/dist --npm       the npm tarballs only, from a native half that is built already
    python3 scripts/dist --matrix    the release workflow's matrix, as JSON
    python3 scripts/dist --loading   what importing costs, in clean folders (the tests of the packages make those)

The wheel is built from the sdist, so a wheel is also the proof that the sdist builds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import budgets
import npm
from common import DIST, ROOT, platforms


def run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


def python_packages() -> Path:
    maturin = shutil.which("maturin", path=f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if maturin is None:
        sys.exit("maturin is missing: `make build` installs it into .venv")
    for old in (*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")):
        old.unlink()
    run(maturin, "build", "--quiet", "--release", "--sdist", "--out", str(DIST))
    return next(DIST.glob("*.whl"))


def node_packages() -> Path:
    for old in DIST.glob("*.tgz"):
        old.unlink()
    run("npm", "run", "--silent", "build:ts")
    run("npm", "run", "--silent", "build:native")
    platform = subprocess.run(
        ["node", "-p", "require('./bindings-node/lib/platform.js').platformName()"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    return npm.pack(platform)[0]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--matrix"]:
            print(json.dumps({"include": platforms()}))
            return 0
        case ["--npm", platform]:
            print(*npm.pack(platform), sep="\n")
            return 0
        case ["--loading", python, folder]:
            return budgets.report(budgets.loading(Path(python), Path(folder)))
        case []:
            return budgets.report(budgets.sizes(python_packages(), node_packages()))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
