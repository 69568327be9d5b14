"""A script ends as it should, whatever it left under way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import threelo
from support import PATIENCE, HalfServer, Person, Sandbox, SilentServer, environment, offline_options, run

# That one was made for a store would be a line on the standard error stream.
KEY = "a2tr" * 10 + "a2s="

QUICK = """
import asyncio, json, sys, threelo

async def main():
    client = threelo.AsyncClient(**json.loads(sys.argv[1]))
    async def quick(number):
        # Answers from the workers, not at once: the store is asked.
        try:
            await client.connection(f"user-{number}")
        except threelo.ConnectionNotFoundError:
            return 1
    assert sum(await asyncio.gather(*map(quick, range(200)))) == 200

asyncio.run(main())
print("done")
"""

UNDER_WAY = """
import asyncio, json, sys, threelo

async def main():
    client = threelo.AsyncClient(**json.loads(sys.argv[1]))
    asyncio.create_task(client.proxy_request("user-42", "GET", "/rest/api/3/myself"))
    while not client._native.call("connection", '{"id":"user-42"}'):
        pass
    await asyncio.sleep(0.05)

asyncio.run(main())
print("done")
"""

DAEMONS = """
import json, sys, threading, threelo
client = threelo.Client(**json.loads(sys.argv[1]), on_event=print)
started = threading.Barrier(9)

def call():
    started.wait()
    try:
        client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    except threelo.ThreeloError:
        while True:
            try:
                client.connection("user-42")
            except threelo.ThreeloError:
                pass

for _ in range(8):
    threading.Thread(target=call, daemon=True).start()
started.wait()
print("done")
"""

UNDER_WAY_ON_UVLOOP = UNDER_WAY.replace("asyncio.run(main())", "import uvloop; uvloop.run(main())")

# A body of which there is more to come, read by a task and by a thread.
STREAMED = """
import asyncio, contextlib, json, sys, threading, threelo
client = threelo.Client(**json.loads(sys.argv[1]))

def read():
    response = client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
    with contextlib.suppress(threelo.ThreeloError):
        for piece in response.iter_bytes():
            assert piece == b"first"
            reading.set()

async def main():
    client = threelo.AsyncClient(**json.loads(sys.argv[1]))
    response = await client.proxy_request("user-42", "GET", "/rest/api/3/x", stream=True)
    arriving = response.iter_bytes()
    assert await anext(arriving) == b"first"
    async def rest():
        await anext(arriving)
    task = asyncio.create_task(rest())
    await asyncio.sleep(0)
    kept.append((task, arriving))

kept = []
reading = threading.Event()
threading.Thread(target=read, daemon=True).start()
reading.wait()
asyncio.run(main())
print("done")
"""

# Sources that never end, read for a task and for a thread.
UPLOADED = """
import asyncio, contextlib, json, sys, threading, threelo
client = threelo.Client(**json.loads(sys.argv[1]))

class Endless:
    def __init__(self):
        self.begun = threading.Event()
    def __iter__(self):
        while True:
            self.begun.set()
            yield b"piece " * 1000

def send(files):
    with contextlib.suppress(threelo.ThreeloError):
        client.proxy_request("user-42", "POST", "/rest/api/3/x", files=files)

async def main():
    client = threelo.AsyncClient(**json.loads(sys.argv[1]))
    source = Endless()
    task = asyncio.create_task(
        client.proxy_request("user-42", "POST", "/rest/api/3/x", files=iter(source))
    )
    await asyncio.to_thread(source.begun.wait)
    kept.append(task)

kept = []
source = Endless()
threading.Thread(target=send, args=(iter(source),), daemon=True).start()
source.begun.wait()
asyncio.run(main())
print("done")
"""

ABANDONED = """
import asyncio, json, sys, threelo

async def main():
    client = threelo.AsyncClient(**json.loads(sys.argv[1]))
    rotation = asyncio.create_task(client.refresh("user-42"))
    print("started", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    rotation.cancel()

asyncio.run(main())
print("leaving", flush=True)
"""


def clean(result: subprocess.CompletedProcess[str]) -> None:
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


@pytest.mark.timeout(300)
def test_after_many_quick_calls(tmp_path: object) -> None:
    options = json.dumps(offline_options(store=f"{tmp_path}/threelo.db", encryption_key=KEY))
    for _ in range(20):
        clean(run(QUICK, options))


@pytest.mark.timeout(300)
def test_with_a_call_under_way(stuck_json: str) -> None:
    for _ in range(5):
        clean(run(UNDER_WAY, stuck_json))


def test_with_a_call_under_way_on_uvloop(stuck_json: str) -> None:
    for _ in range(3):
        clean(run(UNDER_WAY_ON_UVLOOP, stuck_json))


def test_with_bodies_under_way(stuck: dict[str, Any]) -> None:
    with HalfServer() as half:
        given = json.dumps(stuck | {"endpoints": stuck["endpoints"] | {"api": half.url}})
        for _ in range(3):
            clean(run(STREAMED, given))


def test_with_uploads_under_way(stuck_json: str) -> None:
    for _ in range(3):
        clean(run(UPLOADED, stuck_json))


def test_a_rotation_outlives_a_client_that_nobody_names_any_more(
    sandbox: Sandbox, person: Person, tmp_path: Path
) -> None:
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    with threelo.Client(**options) as client:
        before = person.connect(client, "user-42").generation
        fault = {"path": "/oauth/token", "kind": {"hold": "after"}, "times": 0}
        held = sandbox.control("POST", "/faults", fault)["id"]
        command = [sys.executable, "-c", ABANDONED, json.dumps(options)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert child.stdout.readline() == "started\n"
            # Atlassian has rotated, its answer is on the way, and only then does the script end.
            while not sandbox.control("GET", "/faults")[0]["waiting"]:
                pass
            child.stdin.close()
            assert child.stdout.readline() == "leaving\n"
            sandbox.control("DELETE", f"/faults/{held}")
            assert child.wait(PATIENCE) == 0
        assert client.connection("user-42").generation == before + 1


@pytest.mark.timeout(300)
def test_with_daemon_threads_in_calls(stuck_json: str) -> None:
    # The interpreter ends threads that come back to it late; with our frames on their stack that is a crash.
    for _ in range(10):
        clean(run(DAEMONS, stuck_json))


def test_importing_starts_no_thread() -> None:
    script = "import os, threelo; print(len(os.listdir('/proc/self/task')))"
    assert run(script).stdout == "1\n"


def test_calls_after_the_end_are_refused() -> None:
    script = """
import atexit, json, sys

def late():
    try:
        client.connection("user-42")
    except threelo.ClosedError:
        print("closed")

atexit.register(late)  # runs after what threelo registers when it is imported
import threelo
client = threelo.Client(**json.loads(sys.argv[1]))
"""
    result = run(script, json.dumps(offline_options()))
    assert (result.returncode, result.stdout, result.stderr) == (0, "closed\n", "")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("waiting", ["blocking", "awaited"])
def test_ctrl_c_ends_a_wait(waiting: str, stuck_json: str, silent: SilentServer) -> None:
    script = {
        "blocking": """
import json, sys, threelo
with threelo.Client(**json.loads(sys.argv[1])) as client:
    try:
        client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.stdin.read()
""",
        "awaited": """
import asyncio, json, sys, threelo
async def main():
    async with threelo.AsyncClient(**json.loads(sys.argv[1])) as client:
        await client.proxy_request("user-42", "GET", "/rest/api/3/myself")
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.read()
""",
    }[waiting]
    # A shell starts its background jobs with SIGINT ignored, and whatever those start inherits that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", heed + script, stuck_json]
    pipe = subprocess.PIPE
    took = []
    for _ in range(5):
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment()
        ) as child:
            assert child.stdout is not None
            silent.came.get(timeout=PATIENCE)
            begun = time.monotonic()
            os.kill(child.pid, signal.SIGINT)
            assert child.stdout.readline() == "interrupted\n"
            took.append(time.monotonic() - begun)
            # The call itself is ended too, while the program goes on.
            silent.gone.get(timeout=PATIENCE)
            assert child.communicate()[1] == ""
        assert child.returncode == 0
    assert max(took) < PATIENCE
    # What else the machine does can only make one later; what threelo does is in all of them.
    assert min(took) < 0.1, took
