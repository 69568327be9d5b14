"""Hands the core's log lines to `logging`, under the name `threelo`, on a thread of its own: a handler can
neither slow nor break a call."""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import NativeLines

log = logging.getLogger("threelo")

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def start(lines: NativeLines) -> threading.Thread:
    """Starts the thread. It ends with the last client of the process."""
    # A daemon: a handler that never returns must not keep the program from ending.
    thread = threading.Thread(target=_deliver, args=(lines,), name="threelo-log", daemon=True)
    thread.start()
    return thread


def _deliver(lines: NativeLines) -> None:
    while (line := lines.next()) is not None:
        try:
            tell(line)
        except BaseException:
            # As if it had ended the thread, which goes on: the next handler's fault should be seen too.
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


def tell(line: str) -> None:
    """One line, as `logging` has it: with the time it was written at, and its details beside the message."""
    told = json.loads(line)
    if not log.isEnabledFor(level := LEVELS[told["level"]]):
        return
    details = {"details": told["details"]}
    record = log.makeRecord(log.name, level, "threelo", 0, told["message"], (), None, extra=details)
    record.created, record.msecs = told["at"] / 1000, float(told["at"] % 1000)
    log.handle(record)
