"""The servers that fork, as programs: gunicorn with a preloaded application, Celery's prefork pool."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import PATIENCE, Person, Sandbox, environment
from threelo import Client

# What both kinds of application share: a client made and used before the fork, and one made after it.
CALLING = """
import json, os, threelo

OPTIONS = json.loads(os.environ["APP_OPTIONS"])
clients = {}

def myself(made):
    if made not in clients:
        clients[made] = threelo.Client(**OPTIONS)
    response = clients[made].proxy_request("user-42", "GET", "/rest/api/3/myself")
    return [response.json()["displayName"], clients[made].refresh("user-42").generation, os.getpid()]

myself("before the fork")
"""

WEB = """
from calling import json, myself

def app(environ, start_response):
    body = json.dumps(myself(environ["QUERY_STRING"].replace("+", " "))).encode()
    start_response("200 OK", [("content-type", "application/json")])
    return [body]
"""

# Celery without a broker: messages and results are files of one folder.
TASKS = """
import os
from celery import Celery
from calling import myself

folder = os.environ["APP_FOLDER"]
app = Celery("tasks", broker="filesystem://", backend="file://" + folder + "/results")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder + "/queue", "data_folder_out": folder + "/queue",
        "control_folder": folder + "/control", "polling_interval": 0.02,
    },
    worker_prefetch_multiplier=1, worker_max_tasks_per_child=2, broker_connection_retry_on_startup=False,
)
app.task(myself, name="myself")
"""

MADE = ("before the fork", "after the fork")


@pytest.fixture
def folder(sandbox: Sandbox, person: Person, tmp_path: Path) -> Path:
    for name in ("queue", "control", "results"):
        (tmp_path / name).mkdir()
    for name, source in (("calling", CALLING), ("web", WEB), ("tasks", TASKS)):
        (tmp_path / f"{name}.py").write_text(source)
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with Client(**options) as client:
        person.connect(client, "user-42")
    (tmp_path / "options.json").write_text(json.dumps(options))
    return tmp_path


def surroundings(folder: Path) -> dict[str, str]:
    options = (folder / "options.json").read_text()
    return environment() | {"APP_OPTIONS": options, "APP_FOLDER": str(folder), "C_FORCE_ROOT": "1"}


@contextlib.contextmanager
def server(folder: Path, *arguments: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A server until the end of the block, where it is asked to end and must do so without a word."""
    log = folder / "server.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env=surroundings(folder),
            stdout=written,
            stderr=subprocess.STDOUT,
            text=True,
            **more,
        )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, log.read_text()
            assert "Traceback" not in log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def fetched(port: int, made: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/?" + made.replace(" ", "+"))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return json.loads(body)


def whole(results: list[list[Any]], processes: int, sandbox: Sandbox) -> None:
    """Everyone got an answer, from as many processes, and no rotation was lost or made twice."""
    names, generations, pids = zip(*results, strict=True)
    assert set(names) == {"Ada Lovelace"}
    assert list(generations) == sorted(set(generations)), "each refresh rotated, once"
    assert len(set(pids)) == processes
    counts = sandbox.counts()
    assert counts["replays"] == 0


@pytest.mark.timeout(300)
def test_gunicorn_with_a_preloaded_application(folder: Path, sandbox: Sandbox) -> None:
    # Every other request comes to a worker forked anew from the process that loaded the application.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, fd = listener.getsockname()[1], listener.fileno()
        options = ("--preload", "--workers", "1", "--max-requests", "2", "--bind", f"fd://{fd}")
        with server(folder, "gunicorn", *options, "web:app", pass_fds=(fd,)) as process:
            results = [fetched(port, made) for made in MADE * 3]
    assert process.pid not in {pid for _, _, pid in results}
    whole(results, 3, sandbox)


@pytest.mark.timeout(300)
def test_celerys_prefork_pool(folder: Path, sandbox: Sandbox) -> None:
    # Each child of the pool serves two tasks.
    worker = ("worker", "--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle")
    says = ("--loglevel", "info")
    send = f"""
import json, tasks
send = lambda made: tasks.app.send_task("myself", [made]).get(timeout={PATIENCE})
print(json.dumps([send(made) for made in {MADE} * 2]))
"""
    with server(folder, "celery", "--app", "tasks", *worker, *says):
        while " ready." not in (folder / "server.log").read_text():
            time.sleep(0.05)
        sent = subprocess.run(
            [sys.executable, "-c", send],
            cwd=folder,
            env=surroundings(folder),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        assert sent.returncode == 0, sent.stderr + (folder / "server.log").read_text()
    results = json.loads(sent.stdout)
    assert os.getpid() not in {pid for _, _, pid in results}
    whole(results, 2, sandbox)
