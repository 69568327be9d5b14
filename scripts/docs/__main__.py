"""Builds the site of the documentation from the repository's Markdown, into site/. Fails when a page is in no
menu, when a link or an anchor leads nowhere, and when the built site would ask another host for anything.

Needs docs/requirements.txt; `make docs` installs it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import built
import pages

ROOT = Path(__file__).resolve().parents[2]
STAGE, SITE = ROOT / ".build" / "docs", ROOT / "site"


def main() -> int:
    strays = pages.not_in_menu()
    if strays:
        print(f"zensical.toml has no place for: {', '.join(strays)}", file=sys.stderr)
        return 1
    for folder in (STAGE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    pages.stage(STAGE)
    zensical = Path(sysconfig.get_path("scripts")) / "zensical"
    done = subprocess.run(
        [zensical, "build", "--strict", "--clean"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or "Warning" in done.stdout + done.stderr:
        print(done.stdout + done.stderr, file=sys.stderr)
        return 1
    faults = built.faults(SITE)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}/; open index.html")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
