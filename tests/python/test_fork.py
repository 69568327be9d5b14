"""A client made before a fork works in the child, and the parent never notices."""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import PATIENCE, Person, Sandbox, SilentServer, offline_options, run

forking = multiprocessing.get_context("fork")


def in_child(work: Callable[[], Any]) -> Any:
    """Runs the work in a forked child and returns what it returns."""
    ours, theirs = forking.Pipe(duplex=False)

    def child() -> None:
        theirs.send(work())

    process = forking.Process(target=child)
    process.start()
    theirs.close()
    assert ours.poll(PATIENCE), "the child hangs"
    result = ours.recv()
    process.join(PATIENCE)
    assert process.exitcode == 0
    return result


@pytest.fixture
def connected(sandbox: Sandbox, person: Person, tmp_path: Path) -> dict[str, Any]:
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with threelo.Client(**options) as client:
        person.connect(client, "user-42")
    return options


def myself(client: threelo.Client) -> str:
    return str(client.proxy_request("user-42", "GET", "/rest/api/3/myself").json()["displayName"])


def test_a_blocking_client(connected: dict[str, Any]) -> None:
    with threelo.Client(**connected) as client:
        assert myself(client) == "Ada Lovelace"
        for _ in range(5):
            assert in_child(lambda: [myself(client) for _ in range(3)]) == ["Ada Lovelace"] * 3
            assert myself(client) == "Ada Lovelace"


def test_an_awaited_client(connected: dict[str, Any]) -> None:
    client = threelo.AsyncClient(**connected)

    async def main() -> str:
        response = await client.proxy_request("user-42", "GET", "/rest/api/3/myself")
        return str(response.json()["displayName"])

    assert asyncio.run(main()) == "Ada Lovelace"
    assert in_child(lambda: asyncio.run(main())) == "Ada Lovelace"
    assert asyncio.run(main()) == "Ada Lovelace"
    asyncio.run(client.close())


def test_a_fork_in_the_middle_of_calls(stuck: dict[str, Any], silent: SilentServer) -> None:
    client = threelo.Client(**stuck)

    def call() -> None:
        with pytest.raises(threelo.CancelledError):
            client.proxy_request("user-42", "GET", "/rest/api/3/myself")

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        silent.came.get(timeout=PATIENCE)
    assert in_child(lambda: client.connection("user-42").id) == "user-42"
    # The child's end took nothing of the parent's along.
    assert silent.gone.empty()
    client.close()
    for thread in threads:
        thread.join(PATIENCE)


def test_what_the_child_drops_stays_with_the_parent(connected: dict[str, Any]) -> None:
    client = threelo.Client(**connected)
    listing = client.paginate("user-42", "/rest/api/3/project/search")
    first = next(listing)

    def drop() -> str:
        nonlocal client, listing
        with pytest.raises(threelo.CancelledError) as caught:
            for _ in listing.pages():
                pass
        del client, listing
        gc.collect()
        return caught.value.code

    assert in_child(drop) == "cancelled"
    assert [first, *listing] == list(client.paginate("user-42", "/rest/api/3/project/search"))
    client.close()


def test_a_body_on_its_way_stays_with_the_parent(connected: dict[str, Any]) -> None:
    with threelo.Client(**connected) as client:
        arriving = client.proxy_request("user-42", "GET", "/rest/api/3/myself", stream=True)
        whole = client.proxy_request("user-42", "GET", "/rest/api/3/myself")

        def read() -> tuple[str, bytes]:
            with pytest.raises(threelo.CancelledError, match="the process that forked this one") as caught:
                list(arriving.iter_bytes())
            return caught.value.code, b"".join(whole.iter_bytes())

        assert in_child(read) == ("cancelled", whole.content)
        assert b"".join(arriving.iter_bytes()) == whole.content


def test_events_of_the_child_are_told_in_the_child(connected: dict[str, Any]) -> None:
    heard = threading.Event()
    pids: list[int] = []

    def hear(event: threelo.Event) -> None:
        if event.kind == "rotated":
            pids.append(os.getpid())
            heard.set()

    with threelo.Client(**connected, on_event=hear) as client:

        def rotate() -> bool:
            client.refresh("user-42")
            return heard.wait(PATIENCE) and pids == [os.getpid()]

        assert in_child(rotate)
        assert not heard.is_set()


def test_a_closed_client_stays_closed_in_the_child(connected: dict[str, Any]) -> None:
    client = threelo.Client(**connected)
    client.close()

    def use() -> str:
        with pytest.raises(threelo.ClosedError) as caught:
            client.connection("user-42")
        return caught.value.code

    assert in_child(use) == "closed"


def test_a_child_of_a_child(connected: dict[str, Any]) -> None:
    with threelo.Client(**connected) as client:
        assert in_child(lambda: (myself(client), in_child(lambda: myself(client)))) == ("Ada Lovelace",) * 2


DROPPING = """
import json, os, sys, threading, threelo

options = json.loads(sys.argv[1])
done = threading.Event()

def drop() -> None:
    while not done.is_set():
        client = threelo.Client(**options)
        try:
            client.connection("nobody")
        except threelo.ConnectionNotFoundError:
            pass
        del client

# One at a time: what serves all clients of a process ends with the last of them.
dropping = threading.Thread(target=drop)
dropping.start()
for _ in range(200):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
done.set()
dropping.join()
print("done")
"""


@pytest.mark.parametrize("kept", ["memory", "sqlite"])
def test_clients_may_be_let_go_of_while_the_process_forks(kept: str, tmp_path: Path) -> None:
    store = "memory:" if kept == "memory" else str(tmp_path / "threelo.db")
    result = run(DROPPING, json.dumps(offline_options(store=store)))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
