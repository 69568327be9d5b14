"""The Python package's share: typed options of the client and the verbs, and the error classes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from common import API, NOTE, offered, pascal

PACKAGE = "bindings-python/python/threelo"
WIDTH = 110

# Required options that come first in a verb's signature, by position; all others are keywords.
LEADING = {
    "connect": ["id"],
    "complete": ["callback_url"],
    "proxy_request": ["id", "method", "path"],
    "proxy_request_many": ["ids", "method", "path"],
    "paginate": ["id", "path"],
    "select_site": ["id", "site"],
    "authorize": ["id", "path"],
    "connections": [],
    "keep_alive": [],
    "rekey": [],
    "close": [],
}

TYPES = {
    "string": "str",
    "string | null": "str | None",
    "string | bytes": "str | bytes",
    "string | bytes | list[string | bytes]": "str | bytes | Sequence[str | bytes]",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "timestamp": "datetime",
    "any": "Any",
    "object": "Mapping[str, Any]",
    "list[string]": "Sequence[str]",
    "map[string]": "Mapping[str, str]",
    # What is written as `{"jql": "…", "maxResults": 50}` is a `dict[str, object]` to type checkers.
    "map[scalar | list[scalar]]": "Mapping[str, object]",
    "file | list[file]": "FileLike | Sequence[FileLike]",
    "callback": "Callable[[Event], object]",
}

# Paths may come as `os.PathLike`.
PATHS = {("client", "store"), ("client", "ca_bundle")}


def leading(verb: str) -> list[str]:
    return LEADING.get(verb, ["id"])


def options_class(name: str) -> str:
    return f"{pascal(name)}Options"


def annotation(group: str, name: str, option: dict[str, Any]) -> str:
    if "values" in option:
        kind = f"Literal[{', '.join(f'{chr(34)}{value}{chr(34)}' for value in option['values'])}]"
    else:
        kind = TYPES[option["type"]]
    if (group, name) in PATHS:
        kind += " | PathLike[str]"
    return f"{'Required' if option.get('required') else 'NotRequired'}[{kind}]"


def docstring(text: str, indent: str) -> list[str]:
    quoted = f'{indent}"""{text}"""'
    if len(quoted) <= WIDTH:
        return [quoted]
    lines = textwrap.wrap(text, WIDTH - len(indent) - 3)
    return [f'{indent}"""{lines[0]}', *(f"{indent}{line}" for line in lines[1:]), f'{indent}"""']


def typed_dict(group: str, options: dict[str, Any], summary: str) -> list[str]:
    lines = ["", "", f"class {options_class(group)}(TypedDict, total=False):"]
    lines += [*docstring(summary, "    "), ""]
    for name, option in options.items():
        lines.append(f"    {name}: {annotation(group, name, option)}")
        default = f" Default: {option['default']!r}." if "default" in option else ""
        lines += docstring(option["doc"] + default, "    ")
    if group != "client":
        lines.append("    timeout: NotRequired[float | None]")
        lines += docstring("How long the call may take, in seconds.", "    ")
    return lines


def options_module() -> str:
    lines = [
        '"""Options of the client and of the verbs, as keyword arguments.',
        "",
        "Every default, check and refusal is the core's; these classes tell type checkers what there is.",
        '"""',
        "",
        f"# {NOTE}",
        "from collections.abc import Callable, Mapping, Sequence",
        "from datetime import datetime",
        "from os import PathLike",
        "from typing import Any, Literal, NotRequired, Required, TypedDict",
        "",
        "from ._files import FileLike",
        "from ._types import Event",
    ]
    lines += typed_dict(
        "client", offered(API["client"]["options"], "python"), "Options of `Client` and `AsyncClient`."
    )
    for verb, entry in API["verbs"].items():
        keywords = {name: option for name, option in entry["options"].items() if name not in leading(verb)}
        lines += typed_dict(verb, keywords, f"Options of `{verb}()` beside what comes by position.")
    return "\n".join([*lines, ""])


def error_class(code: str) -> str:
    name = pascal(code)
    return name if name.endswith("Error") else f"{name}Error"


BASE = '''

class ThreeloError(Exception):
    """Base of everything threelo raises on purpose. Codes that are newer than this module raise it itself."""

    code: str
    """Stable snake_case code, equal in all languages."""
    message: str
    """What happened and what was expected."""
    hint: str
    """What to do next."""
    retryable: bool
    """Whether the same call may succeed later."""
    status: int | None
    """HTTP status, where one was involved."""
    context: dict[str, Any]
    """Details by name, such as sites, option, scopes, reset_at."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        status: int | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code, self.message, self.hint = code, message, hint
        self.retryable, self.status, self.context = retryable, status, context or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.hint})" if self.hint else "")'''


TAIL = '''

def from_parts(
    code: str, message: str, hint: str, retryable: bool, status: int | None, context: str
) -> ThreeloError:
    """Builds the exception of a code from what the core says; `context` is JSON."""
    known = BY_CODE.get(code, ThreeloError)
    details = json.loads(context)
    return known(code, message, hint=hint, retryable=retryable, status=status, context=details)
'''


def errors_module() -> str:
    lines = [
        '"""Errors: one class per code, all under `ThreeloError`. More codes may come; tolerate new ones."""',
        "",
        f"# {NOTE}",
        "from __future__ import annotations",
        "",
        "import json",
        "from typing import Any",
        BASE,
    ]
    for code, error in API["errors"].items():
        retryable = " A later try may succeed." if error["retryable"] else ""
        lines += ["", "", f"class {error_class(code)}(ThreeloError):", *docstring_of(code, error, retryable)]
    lines += ["", "", "BY_CODE: dict[str, type[ThreeloError]] = {"]
    lines += [f'    "{code}": {error_class(code)},' for code in API["errors"]]
    lines += ["}", '"""The class of each code."""', ""]
    names = sorted(["ThreeloError", *(error_class(code) for code in API["errors"])])
    lines += ["__all__ = [", *(f'    "{name}",' for name in names), "]"]
    return "\n".join(lines) + "\n" + TAIL


def docstring_of(code: str, error: dict[str, Any], retryable: str) -> list[str]:
    summary = docstring(f"`{code}`: {error['summary']}{retryable}", "    ")
    body = [f"    {line}" for line in textwrap.wrap(error["action"], WIDTH - 4)]
    if summary[-1].strip() == '"""':
        return [*summary[:-1], "", *body, '    """']
    return [summary[0][:-3], "", *body, '    """']


OUTPUTS: dict[str, Callable[[], str]] = {
    f"{PACKAGE}/_options.py": options_module,
    f"{PACKAGE}/errors.py": errors_module,
}
