"""The share of: docs. README's table of verbs, the reference of the API, and a section for each error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import node
import python
import raised
from common import API, NOTE, ROOT, camel, offered

HERE = Path(__file__).parent

README = ROOT / "README.md"
BEGIN, END = f"<!-- verbs: {NOTE} -->", "<!-- end of verbs -->"

# A fact about Atlassian, as api.toml cites it.
FACT = re.compile(r"\bF(\d+)\.(\d+)\b")
CITATION = re.compile(r" \(F\d+\.\d+\)")


def linked(text: str) -> str:
    """Facts lead to where they are told."""
    return FACT.sub(r"[F\1.\2](facts.md#f\1.\2)", text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def code(text: str) -> str:
    return f"`{text}`" if text else ""


# ---------------------------------------------------------------------------------------- README.md


def readme() -> str:
    """README as it is, with its table of verbs written anew."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"README.md lacks its markers: {BEGIN} … {END}")
    rows = (
        (f"[`{verb}`](docs/api.md#{verb})", code(camel(verb)), CITATION.sub("", entry["doc"]))
        for verb, entry in API["verbs"].items()
    )
    return before + "\n".join([BEGIN, "", *table(["Python", "Node", "does"], rows), END]) + after


# ---------------------------------------------------------------------------------------- docs/errors.md


ABOUT_ERRORS = """\
Every error threelo raises on purpose has a stable `code`, the same in Python, Node and Rust. Python and
Node raise one class for each code, all under `ThreeloError`. An error carries:
"""

HOW_TO_READ = """\
`context` has the same content in both languages: its names are in snake_case, and its times are
milliseconds since the epoch. An error that Jira answered with tells there the `connection_id`, `method` and
`path` of the call, Jira's own `messages`, and Atlassian's `trace_id` for its support. No token, secret, code,
state or key ever stands in an error.

*Retryable* means that the same call may succeed later without anybody changing anything. It does not mean
that you should repeat it at once: threelo has already repeated what was safe to repeat.

More codes may come with later versions. One that your version does not know arrives as a plain
`ThreeloError`.
"""


def errors() -> str:
    codes = API["errors"].items()
    lines = ["# Errors", "", f"<!-- {NOTE} -->", "", ABOUT_ERRORS, *fields("Error"), HOW_TO_READ]
    lines += table(
        ["code", "retryable", "what happened"],
        ((f"[`{name}`](#{name})", yes(error["retryable"]), error["summary"]) for name, error in codes),
    )
    reasons = why()
    for name, error in codes:
        lines += error_section(name, error, reasons[name])
    return "\n".join(lines).rstrip() + "\n"


def why() -> dict[str, str]:
    told: dict[str, str] = tomllib.loads((HERE / "why.toml").read_text())
    if told.keys() != API["errors"].keys():
        raise SystemExit(f"why.toml and api.toml differ: {sorted(told.keys() ^ API['errors'].keys())}")
    return told


def error_section(name: str, error: dict[str, Any], reason: str) -> list[str]:
    classes = f"`{python.error_class(name)}` in Python, `{node.error_class(name)}` in Node"
    # Four spaces: some readers of Markdown take fewer for a list of the same level.
    context = [f"    - `{detail}`: {linked(what)}" for detail, what in error.get("context", {}).items()]
    return [
        f"## {name}",
        "",
        linked(error["summary"]),
        "",
        reason.strip(),
        "",
        f"- **What to do:** {linked(error['action'])}",
        f"- **Retryable:** {yes(error['retryable'])}",
        f"- **Class:** {classes}",
        *(["- **In its context:**", *context] if context else []),
        "",
    ]


def yes(truth: bool) -> str:
    return "yes" if truth else "no"


# ---------------------------------------------------------------------------------------- docs/api.md

FILES = {
    "python": (
        "a path, `bytes`, a binary file object, an iterable of `bytes` (`AsyncClient`: also what is read "
        "asynchronously), or a `File` of one of them"
    ),
    "node": (
        "a path, a `Uint8Array`, a `Blob`, a `ReadableStream` or another iterable of `Uint8Array`, or "
        "`{ content, filename?, contentType?, field? }`"
    ),
}

INTRODUCTION = f"""\
Python has two clients with the same verbs: `Client` blocks, `AsyncClient` is awaited. Node has one
`Client`, whose verbs return promises. Names are equal in both languages apart from their casing, and both
refuse names they do not know.

Every verb also takes a time limit and can be cancelled:

| | Python | Node |
|---|---|---|
| time limit | `timeout`, in seconds | `timeoutMs`, in milliseconds |
| cancelling | Ctrl-C, or cancelling the task that awaits | `signal`, an `AbortSignal` |

A verb that is given no limit may take {API["intervals"]["wait_ms"] // 1000} s. For `paginate` and
`connections` the limit is for one page. For `close` it is how long to wait for rotations, without one
{API["intervals"]["close_timeout_ms"] // 1000} s. A rotation under way goes on in every case.

| type here | Python | Node |
|---|---|---|
| `list[…]`, `map[…]`, `object` | a sequence, a mapping | an array, an object |
| `bytes` | `bytes`, `bytearray`, `memoryview` | `Uint8Array` (a `Buffer` is one) |
| `timestamp` | `datetime`, with a time zone | `Date`; as an option also milliseconds since the epoch |
| `file` | {FILES["python"]} | {FILES["node"]} |
| `null` | `None` | `null` |
| `iterator[…]`, `Paginator` | for `for` (`AsyncClient`: `async for`) | for `for await` |
"""

CLIENT = """\
Python: `Client(…)` and `AsyncClient(…)`, with keywords. Node: `new Client(…)`, with one object of options.
"""

ABOUT_ERRORS_OF_VERBS = """\
Beside the errors that each verb names, all can end with [`invalid_argument`](errors.md#invalid_argument),
[`timeout`](errors.md#timeout), [`cancelled`](errors.md#cancelled), [`closed`](errors.md#closed),
[`store_unavailable`](errors.md#store_unavailable) and [`decryption_failed`](errors.md#decryption_failed).
The examples have a `client`, and a connection `user-42`.
"""

# What cannot be told in api.toml, because it is the languages' own.
AFTERWORD = {
    "Response": """\
The body is decompressed, and read unless the call said `stream`. Python: `content` (bytes), `text`,
`json()`, and `raise_for_status()`, which raises what a status of 400 or above means; `iter_bytes()`,
`save(path)`, `save_async(path)`, `close()`. Node: `bytes()`, `text()`, `json()`, `raiseForStatus()`; `body`
(a `ReadableStream`), `save(path)`, `close()`. [requests.md](requests.md) tells of bodies.
""",
    "Error": """\
Every error is a `ThreeloError`; [errors.md](errors.md) describes each code.
""",
}

VERB_NOTES = {
    "paginate": """\
The result yields items. `pages()` yields whole pages instead, and `cursor` is the place to go on from, in
any process and in either language: pass it as `cursor` with the same connection, path, method and query.
""",
    "connections": """\
The result yields connections; its `cursor` is the place to go on from.
""",
}

ABOUT_EVENTS = """\
`on_event` (`onEvent`) is called with each of them, one after another and apart from the calls. An event has
`kind`, `at`, `connection_id` and `grant_id` where it is about one, and `details` (Node: `connectionId`,
`grantId`). More kinds may come.
"""

ABOUT_LOG = """\
Beside events, threelo writes lines for people to read. In Python they go to `logging`, under the name
`threelo`: a line's level, message and time are the record's, and its `details` an attribute of it. In Node
`onLog` is called with a `LogLine` each. They are handed on one after another and apart from the calls; a
listener that is slow misses the oldest and is told how many. [running.md](running.md) tells more.
"""

ABOUT_INTERVALS = """\
They are fixed; only threelo's own tests shorten them.
"""


def api() -> str:
    lines = ["# The API", "", f"<!-- {NOTE} -->", "", INTRODUCTION, "## Client", "", CLIENT]
    lines += [*options_table(API["client"]["options"]), "## Verbs", "", ABOUT_ERRORS_OF_VERBS]
    sentences = raised.sentences()
    for verb, entry in API["verbs"].items():
        lines += verb_section(verb, entry, sentences.get(verb, ""))
    lines += ["## What comes back", ""]
    for record in API["fields"]:
        # A verb may have the name of a record, so the heading alone is no address.
        lines += [f'<a id="type-{record.lower()}"></a>', "", f"### {record}", "", *fields(record)]
        lines += [AFTERWORD[record]] if record in AFTERWORD else []
    lines += ["## Events", "", ABOUT_EVENTS, *events()]
    lines += ["## Log lines", "", ABOUT_LOG, *log_line(), "## Intervals", "", ABOUT_INTERVALS, *intervals()]
    return "\n".join(lines).rstrip() + "\n"


def options_table(options: dict[str, Any]) -> Iterator[str]:
    head = ["Python", "Node", "type", "default", ""]
    rows = (
        (
            code(name if name in offered(options, "python") else ""),
            code(camel(name) if name in offered(options, "node") else ""),
            code(accepted(option)),
            default(option),
            linked(option["doc"]),
        )
        for name, option in options.items()
    )
    return table(head, rows)


def accepted(option: dict[str, Any]) -> str:
    return " | ".join(f'"{value}"' for value in option["values"]) if "values" in option else option["type"]


def default(option: dict[str, Any]) -> str:
    """The default in words that fit both languages."""
    if option.get("required"):
        return "*required*"
    if "default" not in option:
        return ""
    value = option["default"]
    return yes(value) if isinstance(value, bool) else code(f"{value:_}" if isinstance(value, int) else value)


def verb_section(verb: str, entry: dict[str, Any], errors: str) -> list[str]:
    options = entry["options"]
    calls = [f"Python  {python_call(verb, options)}", f"Node    {node_call(verb, options)}"]
    lines = [f"### {verb}", "", linked(entry["doc"]), "", "```text", *calls, "```", ""]
    lines += [f"Returns {returned(entry['returns'])}.", ""]
    lines += [VERB_NOTES[verb]] if verb in VERB_NOTES else []
    lines += options_table(options) if options else []
    lines += [f"Errors: {errors}", ""] if errors else []
    return [*lines, (HERE / "examples" / f"{verb}.md").read_text()]


def python_call(verb: str, options: dict[str, Any]) -> str:
    first = python.leading(verb)
    named = [name if options[name].get("required") else f"{name}=…" for name in options if name not in first]
    return f"client.{verb}({', '.join([*first, '*', *named, 'timeout=…'])})"


def node_call(verb: str, options: dict[str, Any]) -> str:
    first = [camel(name) for name, option in options.items() if node.positional(name, option)]
    named = [
        camel(name) if option.get("required") else f"{camel(name)}?"
        for name, option in options.items()
        if not node.positional(name, option)
    ]
    last = f"{{ {', '.join([*named, 'timeoutMs?', 'signal?'])} }}"
    return f"client.{camel(verb)}({', '.join([*first, last])})"


def returned(text: str) -> str:
    if text == "null":
        return "nothing"
    record = re.search(r"[A-Z]\w+", text)
    known = record is not None and record[0] in API["fields"]
    return f"[`{text}`](#type-{record[0].lower()})" if record and known else f"`{text}`"


def fields(record: str) -> Iterator[str]:
    rows = (
        (code(name), code(camel(name)), code(accepted_field(field)), linked(field["doc"]))
        for name, field in API["fields"][record].items()
    )
    return table(["Python", "Node", "type", ""], rows)


def accepted_field(field: dict[str, Any]) -> str:
    return accepted(field) + (" | null" if "values" in field and field["type"].endswith("| null") else "")


def events() -> Iterator[str]:
    rows = ((code(kind), linked(event["doc"])) for kind, event in API["events"].items())
    return table(["kind", "what happened"], rows)


def log_line() -> Iterator[str]:
    lines = API["log"]["line"].items()
    rows = ((code(name), code(accepted_field(field)), linked(field["doc"])) for name, field in lines)
    return table(["field", "type", ""], rows)


def intervals() -> Iterator[str]:
    said = dict(re.findall(r"^(\w+) = [\d_]+ +# (.+)$", (ROOT / "api.toml").read_text(), re.MULTILINE))
    rows = (
        (code(name.removesuffix("_ms")), span(name, value), linked(said.get(name) or words(name)))
        for name, value in API["intervals"].items()
    )
    return table(["interval", "value", ""], rows)


def words(name: str) -> str:
    return {
        "lease_ms": "how long the right to rotate a grant lasts without being renewed",
        "heartbeat_ms": "how often it is renewed meanwhile",
        "close_timeout_ms": "how long closing waits for rotations in flight",
    }[name]


def span(name: str, value: int) -> str:
    if not name.endswith("_ms"):
        return str(value)
    return f"{value // 60_000} min" if value >= 120_000 and value % 60_000 == 0 else f"{value // 1000} s"


OUTPUTS: dict[str, Callable[[], str]] = {
    "README.md": readme,
    "docs/errors.md": errors,
    "docs/api.md": api,
}
