"""The share of: node. Option types, result classes and error classes of the TypeScript face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from common import API, NOTE, camel, offered, pascal, quoted

SRC = "bindings-node/src-ts"

# What api.toml's types are called in TypeScript, as a caller gives them and as threelo hands them out.
GIVEN = {
    "string": "string",
    "bytes": "Uint8Array",
    "boolean": "boolean",
    "integer": "number",
    "number": "number",
    "timestamp": "Date | number",
    "object": "object",
    "any": "unknown",
    "null": "null",
    "scalar": "Scalar",
    "file": "FileLike",
    "callback": "(event: Event) => void",
    "callback[LogLine]": "(line: LogLine) => void",
}
HANDED_OUT = {
    **GIVEN,
    "timestamp": "Date",
    "object": "Record<string, unknown>",
    "Site": "Site",
    "Attention": "Attention",
    "HistoryEntry": "HistoryEntry",
    "LedgerEntry": "LedgerEntry",
}

# Passed by place or by themselves, not in the options object.
SPOKEN_BY_NAME = {"binding", "refresh_token"}


def ts_type(spec: dict[str, Any], names: dict[str, str], *, given: bool) -> str:
    if "values" in spec:
        text = " | ".join(f"'{value}'" for value in spec["values"])
        return text + (" | null" if spec["type"].endswith("| null") else "")
    return convert(spec["type"], names, given=given)


def convert(text: str, names: dict[str, str], *, given: bool) -> str:
    readonly = "readonly " if given else ""
    parts = [part.strip() for part in split_top(text)]
    if len(parts) > 1:
        return " | ".join(convert(part, names, given=given) for part in parts)
    if text.startswith("list["):
        inner = convert(text[5:-1], names, given=given)
        return f"{readonly}({inner})[]" if "|" in inner else f"{readonly}{inner}[]"
    if text.startswith("map["):
        inner = convert(text[4:-1], names, given=given)
        inner += " | null | undefined" if "Scalar" in inner else ""
        return f"Readonly<Record<string, {inner}>>" if given else f"Record<string, {inner}>"
    return names[text]


def split_top(text: str) -> list[str]:
    """Splits a union at the bars that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def comment(lines: Iterable[str], indent: str = "") -> Iterator[str]:
    lines = list(lines)
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
        return
    yield f"{indent}/**"
    for line in lines:
        yield f"{indent} * {line}".rstrip()
    yield f"{indent} */"


def positional(option: str, spec: dict[str, Any]) -> bool:
    return spec.get("required", False) and option not in SPOKEN_BY_NAME


def interface(name: str, doc: str, options: dict[str, Any], extends: str = "") -> Iterator[str]:
    yield from comment([doc])
    yield f"export interface {name}{extends} {{"
    for option, spec in options.items():
        lines = [spec["doc"]]
        if "default" in spec:
            default = repr(spec["default"]).replace("True", "true").replace("False", "false")
            lines += ["", f"@defaultValue `{default}`"]
        yield from comment(lines, "  ")
        kind = ts_type(spec, GIVEN, given=True)
        mark, kind = ("", kind) if spec.get("required") else ("?", f"{optional(kind)} | undefined")
        yield f"  readonly {camel(option)}{mark}: {kind};"
    yield "}"
    yield ""


def optional(kind: str) -> str:
    return f"({kind})" if "=>" in kind else kind


def options() -> str:
    lines = [
        f"// {NOTE}",
        "",
        "import type { FileLike } from './files.js';",
        "import type { LogLine } from './log.js';",
        "import type { Event } from './types.js';",
        "",
    ]
    lines += ["/** A value of a query parameter. */", "export type Scalar = string | number | boolean;", ""]
    lines += [
        "/** What every verb takes. */",
        "export interface CallOptions {",
        "  /** How long the call may take, in milliseconds; then it ends with a `TimeoutError`. */",
        "  readonly timeoutMs?: number | undefined;",
        "  /** Ends the call with a `CancelledError` when it is aborted. "
        "A rotation under way is finished all the same. */",
        "  readonly signal?: AbortSignal | undefined;",
        "}",
        "",
    ]
    lines += interface(
        "ClientOptions", "What a `Client` is made with.", offered(API["client"]["options"], "node")
    )
    for verb, entry in API["verbs"].items():
        named = {name: spec for name, spec in entry["options"].items() if not positional(name, spec)}
        if named:
            doc = f"Options of `{camel(verb)}`."
            lines += interface(f"{pascal(verb)}Options", doc, named, " extends CallOptions")
    return "\n".join(lines)


def error_class(code: str) -> str:
    return pascal(code).removesuffix("Error") + "Error"


def errors() -> str:
    lines = [f"// {NOTE}", "", "import { ThreeloError } from './error.js';", ""]
    for code, error in API["errors"].items():
        lines += comment([error["summary"], "", error["action"]])
        lines += [
            f"export class {error_class(code)} extends ThreeloError {{",
            f"  declare readonly code: '{code}';",
            "}",
            "",
        ]
    return "\n".join(lines)


def codes() -> str:
    lines = [f"// {NOTE}", "", "import type { ThreeloError } from './error.js';"]
    lines += ["import * as errors from './errors.js';"]
    lines += ["import type { Failure } from './native.js';", ""]
    lines += [
        "/** The class of each code. Codes that are not here yet are plain `ThreeloError`s. @internal */"
    ]
    lines += ["export const CLASSES: Readonly<Record<string, typeof ThreeloError>> = {"]
    lines += [f"  {code}: errors.{error_class(code)}," for code in API["errors"]]
    lines += ["};", ""]
    cancelled = API["errors"]["cancelled"]
    lines += [
        "/** What a call ends with that its signal aborted. @internal */",
        "export const CANCELLED: Failure = {",
        "  code: 'cancelled',",
        f"  message: {quoted(cancelled['summary'])},",
        f"  hint: {quoted(cancelled['action'])},",
        f"  retryable: {str(cancelled['retryable']).lower()},",
        "  context: '{}',",
        "};",
        "",
    ]
    return "\n".join(lines)


def reader(option: str, spec: dict[str, Any]) -> str:
    raw = f"raw.{option}"
    if spec["type"] == "timestamp":
        return f"new Date({raw})"
    if spec["type"] == "timestamp | null":
        return f"{raw} === null ? null : new Date({raw})"
    if spec["type"] == "list[Attention]":
        return f"{raw}.map((each) => new Attention(each))"
    if spec["type"] == "list[LedgerEntry] | null":
        return f"{raw} && {raw}.map((each) => new LedgerEntry(each))"
    if spec["type"] == "Site | null":
        return f"{raw} && new Site({raw})"
    return raw


def raw_type(spec: dict[str, Any]) -> str:
    return ts_type(
        spec,
        {
            **HANDED_OUT,
            "timestamp": "number",
            **{name: f"Raw{name}" for name in ("Site", "Attention", "LedgerEntry")},
        },
        given=False,
    )


def record(name: str, doc: str, fields: dict[str, Any]) -> Iterator[str]:
    yield from comment([f"{name} as it crosses from the native half. @internal"])
    yield f"export interface Raw{name} {{"
    yield from (f"  readonly {field}: {raw_type(spec)};" for field, spec in fields.items())
    yield "}"
    yield ""
    yield from comment([doc])
    yield f"export class {name} {{"
    for field, spec in fields.items():
        yield from comment([spec["doc"]], "  ")
        yield f"  readonly {camel(field)}: {ts_type(spec, HANDED_OUT, given=False)};"
    yield ""
    yield "  /** @internal */"
    yield f"  constructor(raw: Raw{name}) {{"
    yield from (f"    this.{camel(field)} = {reader(field, spec)};" for field, spec in fields.items())
    yield "  }"
    secrets = [camel(field) for field, spec in fields.items() if spec.get("secret")]
    if secrets:
        names = ", ".join(f"'{name}'" for name in secrets)
        yield ""
        yield "  /** What `console.log` shows: no secret. @internal */"
        yield "  [inspect](...inspecting: Inspecting): string {"
        yield f"    return shown('{name}', this, [{names}], inspecting);"
        yield "  }"
    yield "}"
    yield ""


RECORDS = {
    "Site": "An Atlassian Cloud site as a grant sees it.",
    "Connection": "A connection: the application's handle, the grant it uses and the chosen site.",
    "LedgerEntry": "One thing that befell a grant.",
    "Attention": "A connection that needs a person, or soon will.",
    "RekeyReport": "What `rekey` did.",
    "KeepAliveReport": "What a pass of `keepAlive` did and found.",
    "RateLimit": "A rate limit that concerns a connection.",
    "HistoryEntry": "What came before an answer: an attempt that was not the last, or a wait.",
    "Authorization": "Leave to send one request with another HTTP client.",
    "ConnectSession": "A consent under way. Send the user's browser to its `url`.",
}


def records() -> str:
    lines = [f"// {NOTE}", "", "import { inspect, type Inspecting, shown } from './inspect.js';", ""]
    for name, doc in RECORDS.items():
        lines += record(name, doc, API["fields"][name])
    kinds = " | ".join(f"'{kind}'" for kind in API["events"])
    listed = [f"- `{kind}`: {event['doc']}" for kind, event in API["events"].items()]
    lines += comment(["What an event is about. More may come.", "", *listed])
    lines += [f"export type EventKind = {kinds} | (string & {{}});", ""]
    return "\n".join(lines)


OUTPUTS: dict[str, Callable[[], str]] = {
    f"{SRC}/options.ts": options,
    f"{SRC}/errors.ts": errors,
    f"{SRC}/codes.ts": codes,
    f"{SRC}/records.ts": records,
}
