"""What threelo does, shown in under a minute: Python and Node on one SQLite store, with a little Atlassian.

Run by `make demo`. THREELO_SANDBOX is the path of the sandbox's program. The exit status is 0 only if
everything that is claimed on the way was true.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from app import options
from chapters import CHAPTERS, Stage
from children import Children
from sandbox import Sandbox
from story import Story, Untrue
from threelo import Client, ThreeloError

HERE = Path(__file__).resolve().parent
LIMIT = 100
"""The chapters may take so long, in seconds. Taking everything down takes 15 more at most, so that the whole
is over within two minutes.
"""


class Stopped(BaseException):
    """A signal says that it is over. Not an Exception, so that nobody takes it for a failed call."""


def stop(number: int, _: FrameType | None) -> None:
    late = number == signal.SIGALRM
    raise Stopped(f"still at work after {LIMIT} s" if late else signal.Signals(number).name)


def program(what: str, path: str | None) -> str:
    """Raises:
    Untrue: there is no such program.
    """
    found = shutil.which(path or "")
    if found is None:
        raise Untrue(f"{what} is there", "a program; `make demo` builds what is needed", path or "nothing")
    return found


@contextmanager
def stage(story: Story) -> Iterator[Stage]:
    """Sets everything up, and takes everything down again in every case."""
    built = str(HERE.parent / "target" / "debug" / "threelo-sandbox")
    atlassian = program("the sandbox", os.environ.get("THREELO_SANDBOX") or built)
    node = program("Node", "node")
    with tempfile.TemporaryDirectory(prefix="threelo-demo-") as name, Children(Path(name)) as children:
        running = children.start("sandbox", atlassian, "--world", HERE / "world.json")
        sandbox = Sandbox(running.hear()["url"])
        store = str(Path(name) / "threelo.db")
        with Client(**options(sandbox.url, store)) as client:
            try:
                yield Stage(story, sandbox, children, client, store, node)
            except (Exception, Stopped):
                explain(story, sandbox)
                raise


def explain(story: Story, sandbox: Sandbox) -> None:
    """What the sandbox saw in a chapter that went wrong."""
    with suppress(Exception):  # the error itself is on its way already
        seen = sandbox.log().summary()
        story.say("What the sandbox saw in this chapter:")
        story.table([(line,) for line in seen])


def show(story: Story) -> None:
    with stage(story) as ready:
        for chapter in CHAPTERS:
            chapter(ready)
    signal.alarm(0)


def main() -> int:
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    signal.alarm(LIMIT)
    began = time.monotonic()
    story = Story()
    expected: object = "no error"
    try:
        show(story)
    except Untrue as untrue:
        story.failed(untrue.what, untrue.expected, untrue.seen)
    except ThreeloError as error:
        story.failed(story.title, expected, error)
    except (Stopped, KeyboardInterrupt) as error:
        story.failed(story.title, f"an end within {LIMIT} s", str(error) or "Ctrl-C")
    except Exception as error:
        story.failed(story.title, expected, f"{type(error).__name__}: {error}")
    else:
        story.end(f"All of it was true, by the sandbox's own log. It took {time.monotonic() - began:.1f} s.")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
