"""Delivers events on a thread of its own, so that a subscriber can neither slow nor break a call."""

from __future__ import annotations

import json
import logging
import weakref
from contextvars import Context
from threading import Thread
from typing import TYPE_CHECKING

from ._types import Event

if TYPE_CHECKING:
    from ._base import Base
    from ._native import NativeEvents

log = logging.getLogger("threelo")


def listen(client: weakref.ref[Base], context: Context, events: NativeEvents) -> None:
    """Starts the thread. It ends with the client: closed, or let go of by everybody. The subscriber sees the
    context variables of where the client was made.
    """
    # A copy: a forked child's listener must not find the context in use by a thread of its parent's.
    run = context.copy().run
    # A daemon: a subscriber that never returns must not keep the program from ending.
    Thread(target=run, args=(_deliver, client, events), name="threelo-events", daemon=True).start()


def _deliver(client: weakref.ref[Base], events: NativeEvents) -> None:
    while (event := events.next()) is not None:
        _tell(client(), event)


def _tell(client: Base | None, event: str) -> None:
    # Whoever lets go of the client hears no more of it.
    if client is None or client._on_event is None:
        return
    try:
        client._on_event(Event._read(json.loads(event)))
    except BaseException:  # such as SystemExit: it would end this thread, and with it the events
        log.exception("on_event raised; the event is lost to it, the calls are not touched")
