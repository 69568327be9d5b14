"""What both clients are: a native client and its subscriber."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ._events import listen
from ._native import NativeClient
from ._types import Event
from ._wire import encode_client


class Base:
    """Opens the core's client, and says what it is without its secrets."""

    __slots__ = ("__weakref__", "_native", "_on_event")

    def _open(self, options: Mapping[str, Any]) -> None:
        subscriber = options.get("on_event")
        # What cannot be called goes on under its name, for the core to refuse.
        beside = subscriber is None or callable(subscriber)
        self._on_event: Callable[[Event], object] | None = subscriber if beside else None
        rest = {name: value for name, value in options.items() if name != "on_event" or not beside}
        hears = partial(listen, weakref.ref(self), copy_context()) if self._on_event else None
        self._native = NativeClient(encode_client(rest), hears)

    def __repr__(self) -> str:
        name, client_id, store = type(self).__name__, self._native.client_id, _shown(self._native.store)
        return f"{name}(client_id={client_id!r}, store={store!r})"


def _shown(store: str) -> str:
    """A store's address without what may be secret in it: user, password and parameters of a URL."""
    if "://" not in store:
        return store
    url = urlsplit(store)
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()
