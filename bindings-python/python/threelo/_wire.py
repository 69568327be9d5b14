"""How values cross into the core. Nothing is decided here: what the core does not know, it refuses."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from os import PathLike, fsdecode
from typing import Any

from . import errors

BytesLike = bytes | bytearray | memoryview

Asked = str | tuple[str, ...]
"""A request's options as JSON; or just its id, method and path where there is nothing else."""


def _key(value: object) -> object:
    if isinstance(value, BytesLike):
        return b64encode(value).decode()
    return [_key(each) for each in value] if isinstance(value, list | tuple) else value


def _path(value: object) -> object:
    return fsdecode(value) if isinstance(value, PathLike) else value


def _milliseconds(value: object) -> object:
    # A naive datetime names no instant: it goes on as text, which the core refuses.
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000) if value.tzinfo else value.isoformat()
    return value


_CONVERSIONS: dict[str, Callable[[object], object]] = {
    "encryption_key": _key,
    "store": _path,
    "ca_bundle": _path,
    "expires_at": _milliseconds,
}


def _plain(value: object) -> object:
    """Mappings and sequences of other kinds than JSON's encoder knows."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, BytesLike):
        return list(value)
    raise TypeError(type(value).__name__)


_write = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_plain).encode


def _encode(options: Mapping[str, Any], code: str) -> str:
    converted = {
        name: _CONVERSIONS[name](value) if name in _CONVERSIONS else value for name, value in options.items()
    }
    try:
        return _write(converted)
    except _UNWRITABLE:
        raise _unwritable(converted, code) from None


_UNWRITABLE = (TypeError, ValueError, RecursionError)


def _is_writable(value: object) -> bool:
    try:
        _write(value)
    except _UNWRITABLE:
        return False
    return True


def _unwritable(options: Mapping[str, Any], code: str) -> errors.ThreeloError:
    """Names the option that has no form in JSON, as the core names those whose value it refuses."""
    name = next((name for name, value in options.items() if not _is_writable(value)), "options")
    given, accepted = type(options.get(name)).__name__, "plain data: no other objects, NaN or infinities"
    return errors.BY_CODE[code](
        code,
        f"`{name}` is or holds what JSON cannot express ({given}); accepted is {accepted}",
        hint=f"Pass plain data as `{name}`; nothing was written or sent.",
        context={"option": name, "given": given, "accepted": accepted},
    )


def encode_client(options: Mapping[str, Any]) -> str:
    """A client's options as the core reads them."""
    return _encode(options, "invalid_config")


def encode(options: Mapping[str, Any], **leading: Any) -> str:
    """A verb's options as the core reads them."""
    return _encode(leading | dict(options), "invalid_argument")


def encode_request(options: Mapping[str, Any], **leading: Any) -> tuple[Asked, bytes | None]:
    """The options of `proxy_request`, and beside them the body that is sent as it is."""
    if not options and all(isinstance(each, str) and each.isascii() for each in leading.values()):
        return tuple(leading.values()), None
    return encode_beside(options, **leading)


def encode_beside(options: Mapping[str, Any], **leading: Any) -> tuple[str, bytes | None]:
    """The options of a verb that sends a body, and beside them the body that is sent as it is."""
    data = options.get("data")
    body = data.encode() if isinstance(data, str) else bytes(data) if isinstance(data, BytesLike) else None
    # Anything else goes on under its name, for the core to refuse.
    beside = data is None or body is not None
    rest = {name: value for name, value in options.items() if name != "data" or not beside}
    return encode(rest, **leading), body
