"""Which errors a verb can end with: what stands under `# Errors` of its method in the core, which decides."""

from __future__ import annotations

import re

from common import API, ROOT, camel

METHOD = re.compile(r"((?: +///[^\n]*\n)+) +pub (?:async )?fn (\w+)\(&self")
SECTION = re.compile(r"/// # Errors\n(.*)", re.DOTALL)


def sentences() -> dict[str, str]:
    """By verb, in Markdown with links to each error."""
    found = {}
    for path in sorted((ROOT / "core" / "src" / "client").rglob("*.rs")):
        for comment, name in METHOD.findall(path.read_text()):
            section = SECTION.search(comment)
            if name in API["verbs"] and section:
                found[name] = linked(" ".join(re.sub(r"^ *///", "", section[1], flags=re.MULTILINE).split()))
    missing = API["verbs"].keys() - found.keys()
    if missing:
        raise SystemExit(f"core/src/client tells no errors of {', '.join(sorted(missing))}")
    return found


def linked(text: str) -> str:
    text = text.replace("[`Response::error_for_status`]", "`raise_for_status()` (`raiseForStatus()`)")
    text = re.sub(r"\[`Client::(\w+)`\]", lambda verb: f"[`{verb[1]}`](#{verb[1]})", text)
    return re.sub(r"(?<!\[)`(\w+)`", lambda name: code(name[1]), text)


def code(name: str) -> str:
    if name in API["errors"]:
        return f"[`{name}`](errors.md#{name})"
    return f"`{name}`" if name == camel(name) else f"`{name}` (`{camel(name)}`)"
