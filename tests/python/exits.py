"""A thousand scripts that end while something is under way: `make exits`. The tests run a few of each kind.

python exits.py [how many]
"""

from __future__ import annotations

import collections
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import threelo
from support import HalfServer, Person, Sandbox, SilentServer, offline_options, run
from test_exit import DAEMONS, KEY, QUICK, STREAMED, UNDER_WAY, UNDER_WAY_ON_UVLOOP, UPLOADED

KINDS = {
    "many quick calls": QUICK,
    "a call under way": UNDER_WAY,
    "a call under way on uvloop": UNDER_WAY_ON_UVLOOP,
    "bodies under way": STREAMED,
    "uploads under way": UPLOADED,
    "daemon threads in calls": DAEMONS,
}


def stuck(sandbox: Sandbox, silent: SilentServer, folder: str) -> dict[str, Any]:
    options = sandbox.options(store=f"{folder}/threelo.db", encryption_key=KEY)
    with threelo.Client(**options) as client:
        Person(sandbox).connect(client, "user-42")
    return options | {"endpoints": {"auth": sandbox.url, "api": silent.url}}


def main(times: int) -> int:
    with (
        Sandbox() as sandbox,
        SilentServer() as silent,
        HalfServer() as half,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        given = stuck(sandbox, silent, folder)
        options = dict.fromkeys(KINDS, json.dumps(given))
        options["bodies under way"] = json.dumps(
            given | {"endpoints": given["endpoints"] | {"api": half.url}}
        )
        options["many quick calls"] = json.dumps(
            offline_options(store=f"{folder}/quick.db", encryption_key=KEY)
        )

        def once(number: int) -> tuple[str, tuple[int, str, str]]:
            kind = list(KINDS)[number % len(KINDS)]
            ended = run(KINDS[kind], options[kind], timeout=120)
            return kind, (ended.returncode, ended.stdout, ended.stderr)

        told = collections.Counter(pool.map(once, range(times)))
    clean = sum(count for (_, how), count in told.items() if how == (0, "done\n", ""))
    for (kind, how), count in told.items():
        print(f"{count:5} × {kind}: {'clean' if how == (0, 'done' + chr(10), '') else how}")
    print(f"{clean} of {times} clean")
    return int(clean != times)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
