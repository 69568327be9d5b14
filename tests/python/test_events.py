"""Events are told beside the calls: a subscriber can neither slow nor break them."""

from __future__ import annotations

import asyncio
import gc
import logging
import queue
import threading
import time
import weakref
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import PATIENCE, Person, Sandbox, offline_options, run


def event_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "threelo-events"]


def test_an_event_says_what_happened_and_when(sandbox: Sandbox, person: Person) -> None:
    heard: queue.Queue[threelo.Event] = queue.Queue()
    with threelo.Client(**sandbox.options(on_event=heard.put)) as client:
        person.connect(client, "user-42")
        event = heard.get(timeout=PATIENCE)
    assert (event.kind, event.connection_id) == ("connected", "user-42")
    assert abs(datetime.now(UTC) - event.at) < timedelta(seconds=PATIENCE)


def test_what_happened_while_opening_is_heard(tmp_path: Path) -> None:
    heard: queue.Queue[threelo.Event] = queue.Queue()
    with threelo.Client(**offline_options(store=str(tmp_path / "threelo.db"), on_event=heard.put)):
        assert heard.get(timeout=PATIENCE).kind == "key_file_created"


def test_a_subscriber_sees_the_context_its_client_was_made_in(sandbox: Sandbox, person: Person) -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    heard: queue.Queue[str] = queue.Queue()

    def make() -> threelo.Client:
        tenant.set("acme")
        return threelo.Client(**sandbox.options(on_event=lambda event: heard.put(tenant.get("nobody"))))

    with copy_context().run(make) as client:
        person.connect(client, "user-42")
        assert heard.get(timeout=PATIENCE) == "acme"
    assert tenant.get("nobody") == "nobody"


@pytest.mark.parametrize("fault", [ValueError, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_subscriber_that_raises_hears_the_next_one(
    sandbox: Sandbox, person: Person, caplog: pytest.LogCaptureFixture, fault: type[BaseException]
) -> None:
    heard: queue.Queue[str] = queue.Queue()

    def hear(event: threelo.Event) -> None:
        heard.put(event.kind)
        raise fault("a fault of the subscriber's")

    with (
        caplog.at_level(logging.ERROR, "threelo"),
        threelo.Client(**sandbox.options(on_event=hear)) as client,
    ):
        person.connect(client, "user-42")
        assert heard.get(timeout=PATIENCE) == "connected"
        client.refresh("user-42")
        assert heard.get(timeout=PATIENCE) == "rotated"
    assert "a fault of the subscriber's" in caplog.text


def test_a_subscriber_that_never_returns_holds_nothing_up(sandbox: Sandbox, person: Person) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hear(_: threelo.Event) -> None:
        inside.set()
        leave.wait()

    with threelo.Client(**sandbox.options(on_event=hear)) as client:
        person.connect(client, "user-42")
        assert inside.wait(PATIENCE)
        begun = time.monotonic()
        for _ in range(3):
            client.proxy_request("user-42", "GET", "/rest/api/3/myself").raise_for_status()
    assert time.monotonic() - begun < PATIENCE / 2
    leave.set()


def test_a_subscriber_that_never_returns_does_not_keep_the_program() -> None:
    script = """
import json, logging, sys, threading, threelo
# Without a handler anywhere, logging would write the warning of the key file to the standard error stream.
logging.getLogger("threelo").addHandler(logging.NullHandler())
inside = threading.Event()

def hear(event):
    inside.set()
    threading.Event().wait()

client = threelo.Client(**json.loads(sys.argv[1]), on_event=hear)
assert inside.wait(20)
print("done")
"""
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for number in range(5):
            options = json.dumps(offline_options(store=f"{folder}/{number}.db"))
            result = run(script, options)
            assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_the_thread_ends_with_the_client() -> None:
    with threelo.Client(**offline_options(on_event=print)):
        threads = event_threads()
        assert len(threads) == 1
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()


def test_an_abandoned_client_goes_away_with_its_thread() -> None:
    class Owner:
        """Holds the client that holds it: only the collector can tell that nobody else does."""

        client: Any

        def hear(self, event: threelo.Event) -> None: ...

    owner = Owner()
    owner.client = threelo.Client(**offline_options(on_event=owner.hear))
    (thread,) = event_threads()
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
    thread.join(PATIENCE)
    assert not thread.is_alive()
