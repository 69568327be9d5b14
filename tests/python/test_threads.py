"""Blocking calls of several threads: each waits for itself, and none holds the interpreter meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import threelo
from support import PATIENCE, SilentServer

THREADS = 8


def test_calls_that_block_let_the_interpreter_go(stuck: dict[str, Any], silent: SilentServer) -> None:
    # The server is Python of this very process: it takes a second call only if the first lets it.
    client = threelo.Client(**stuck)
    ended: list[str] = []

    def call() -> None:
        with pytest.raises(threelo.CancelledError) as caught:
            client.proxy_request("user-42", "GET", "/rest/api/3/myself")
        ended.append(caught.value.code)

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        silent.came.get(timeout=PATIENCE)
    assert ended == [], "all of them wait at once"
    client.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert ended == ["cancelled"] * THREADS
