"""The core's lines in `logging`: told beside the calls, whatever a handler does, and without a secret."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import logging.handlers
import os
import queue
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import PATIENCE, ROOT, Person, Sandbox, offline_options, run
from test_fork import in_child

KEY_FILE = "no encryption key was given"


class Heard(logging.Handler):
    """Keeps every record in the order it came."""

    def __init__(self) -> None:
        super().__init__()
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()
        self.all: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.all.append(record)
        self.records.put(record)

    def of(self, words: str) -> logging.LogRecord:
        while words not in (record := self.records.get(timeout=PATIENCE)).getMessage():
            pass
        return record


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("threelo")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def heard(logger: logging.Logger) -> Iterator[Heard]:
    handler = Heard()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def log_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "threelo-log"]


def test_a_line_is_a_record_with_its_time_and_details(heard: Heard, tmp_path: Path) -> None:
    before = time.time()
    with threelo.Client(**offline_options(store=str(tmp_path / "threelo.db"))):
        record = heard.of(KEY_FILE)
    assert (record.name, record.levelno) == ("threelo", logging.WARNING)
    # Whole milliseconds cross.
    assert before - 0.001 <= record.created <= time.time()
    details: dict[str, Any] = vars(record)["details"]
    assert details == {"path": str(tmp_path / "threelo.db.key")}
    assert record.getMessage().endswith(f"(path={details['path']})")


def test_levels_are_those_of_the_list() -> None:
    from threelo import _logs

    listed = tomllib.loads((ROOT / "api.toml").read_text())["log"]["line"]["level"]["values"]
    assert list(_logs.LEVELS) == listed


def test_what_nobody_wants_is_not_handed_on(heard: Heard, logger: logging.Logger, tmp_path: Path) -> None:
    logger.setLevel(logging.ERROR)
    with threelo.Client(**offline_options(store=str(tmp_path / "threelo.db"))):
        pass
    for thread in log_threads():
        thread.join(PATIENCE)
    assert heard.all == []


def test_no_secret_is_in_any_line(heard: Heard, sandbox: Sandbox, person: Person, tmp_path: Path) -> None:
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with threelo.Client(**options) as client:
        session = client.connect("user-42", binding="canary-binding", site="acme")
        callback = sandbox.consent(session.url, sites=["acme"])
        client.complete(callback, binding="canary-binding")
        secrets = [options["client_secret"], "canary", session.state, callback.split("code=")[1][:20]]
        for fault in ({"status": 500}, {"reset": "after"}, {"html": 502}):
            secrets.append(client.access_token("user-42"))
            fault_of_it = {"path": "/oauth/token", "kind": fault, "times": 1}
            sandbox.control("POST", "/faults", fault_of_it)
            with threelo.Client(**options) as other:
                for verb in (other.refresh, other.access_token):
                    with contextlib.suppress(threelo.ThreeloError):
                        verb("user-42", timeout=5)
            sandbox.control("DELETE", "/faults")
        tokens = sandbox.tokens_of_another_system()
        secrets += [tokens["access_token"], tokens["refresh_token"]]
        client.import_connection("user-43", refresh_token=tokens["refresh_token"])
        client.disconnect("user-42")
        client.disconnect("user-43")
        heard.of("revocation was tried")
    told = "\n".join(f"{record.getMessage()} {vars(record)}" for record in heard.all)
    assert "exchange" in told
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize("fault", [ValueError, SystemExit, asyncio.CancelledError])
def test_a_handler_that_raises_hears_the_next_line(
    logger: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    told: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda raised: told.put(str(raised.exc_value)))

    class Failing(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise fault(f"a fault of the handler's at {vars(record)['details']}")

    failing = Failing()
    logger.addHandler(failing)
    try:
        with contextlib.ExitStack() as open_clients:
            for name in ("one", "two"):
                options = offline_options(store=str(tmp_path / f"{name}.db"))
                client = open_clients.enter_context(threelo.Client(**options))
                with pytest.raises(threelo.ConnectionNotFoundError):
                    client.connection("nobody")
                assert f"{name}.db.key" in told.get(timeout=PATIENCE)
    finally:
        logger.removeHandler(failing)


def test_a_handler_that_never_returns_holds_nothing_up(
    logger: logging.Logger, sandbox: Sandbox, person: Person, tmp_path: Path
) -> None:
    inside, leave = threading.Event(), threading.Event()

    class Stuck(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            inside.set()
            return leave.wait(PATIENCE)

    stuck = Stuck()
    logger.addHandler(stuck)
    try:
        with threelo.Client(**sandbox.options(store=str(tmp_path / "threelo.db"))) as client:
            assert inside.wait(PATIENCE)
            person.connect(client, "user-42")
            for _ in range(3):
                client.refresh("user-42")
        assert not leave.is_set()
    finally:
        leave.set()
        for thread in log_threads():
            thread.join(PATIENCE)
        logger.removeHandler(stuck)


def test_the_thread_ends_with_the_last_client() -> None:
    with threelo.Client(**offline_options()):
        (thread,) = log_threads()
        with threelo.Client(**offline_options()):
            assert log_threads() == [thread]
        assert thread.is_alive()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_lines_of_a_child_are_told_in_the_child_alone(heard: Heard, tmp_path: Path) -> None:
    def child() -> tuple[list[str], int]:
        with threelo.Client(**offline_options(store=str(tmp_path / "child.db"))):
            heard.of("child.db.key")
        return [record.getMessage() for record in heard.all if "child.db" in record.getMessage()], os.getpid()

    with threelo.Client(**offline_options(store=str(tmp_path / "parent.db"))):
        heard.of("parent.db.key")
        lines, pid = in_child(child)
        assert len(lines) == 1
        assert pid != os.getpid()
    assert not [record for record in heard.all if "child.db" in record.getMessage()]


ENDING = """
import json, logging, sys, threelo
logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
client = threelo.Client(**json.loads(sys.argv[1]))
{more}
"""

HANGING = """
import threading
inside = threading.Event()

class Hanging(logging.Handler):
    def handle(self, record):
        inside.set()
        threading.Event().wait()

logging.getLogger("threelo").handlers = [Hanging()]
threelo.Client(**json.loads(sys.argv[2]))
assert inside.wait(20)
print("done")
"""


def test_what_was_written_last_is_told_before_the_program_ends(tmp_path: Path) -> None:
    for number in range(5):
        result = run(ENDING.format(more=""), json.dumps(offline_options(store=f"{tmp_path}/{number}.db")))
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(f"threelo WARNING {KEY_FILE}")
        assert result.stdout.count("\n") == 1


def test_a_handler_that_never_returns_does_not_keep_the_program(tmp_path: Path) -> None:
    first, second = (json.dumps(offline_options(store=f"{tmp_path}/{name}.db")) for name in ("a", "b"))
    result = run(ENDING.format(more=HANGING), first, second)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("done\n")
