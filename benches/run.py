"""`make bench`: threelo beside the clients people use, in one run and in turns, in words and plots.

python3 benches/run.py            the whole matrix, about an hour; writes its part of docs/benchmarks.md
python3 benches/run.py --quick    three cells and three rounds, for a look; writes to benches/results only
"""

from __future__ import annotations

import argparse
import json
import time

import matrix
import plots
import report
from stand import HERE, ROOT, Server, in_turns
from wanted import Measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="for a look")
    parser.add_argument("--rounds", type=int, help="interleaved bursts of each client in each cell")
    parser.add_argument("--seconds", type=float, help="how long a burst is")
    parser.add_argument("--only", default="", help="cells whose title has this in it")
    given = parser.parse_args()
    rounds = given.rounds or (3 if given.quick else 21)
    seconds = given.seconds or 0.25
    cells = [cell for cell in (matrix.QUICK if given.quick else matrix.FULL) if given.only in cell.title]
    matrix.install()
    measured: Measured = {}
    with Server() as server:
        for cell in cells:
            for group, entries in matrix.groups(cell):
                begun = time.monotonic()
                bursts = in_turns(entries, server, cell.protocol, cell.read, cell.inflight, rounds, seconds)
                measured.setdefault(cell.title, {})[group] = bursts
                print(f"{cell.title} · {group} · {time.monotonic() - begun:.0f} s", flush=True)
                told = report.above(bursts) if group == matrix.ALONE else report.table(bursts)
                print(told, flush=True)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    loading = matrix.loading()
    (results / "measured.json").write_text(json.dumps({"bursts": measured, "loading": loading}))
    print(report.targets(measured), flush=True)
    page = report.page(measured, loading, rounds, seconds)
    (results / "clients.md").write_text(page)
    if not given.quick and not given.only:
        report.put(ROOT / "docs" / "benchmarks.md", page)
        for name, drawn in plots.all(measured).items():
            (ROOT / "docs" / "images").mkdir(exist_ok=True)
            (ROOT / "docs" / "images" / name).write_text(drawn)


main()
