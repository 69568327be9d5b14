"""Atlassian's OpenAPI documents, and what is common to reading them."""

import gzip
import hashlib
import json
import pathlib
import re

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


class Document:
    """One document: its operations, with references followed."""

    def __init__(self, path):
        raw = pathlib.Path(path).read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        self.json = json.loads(raw)
        self.digest = hashlib.sha256(raw).hexdigest()
        self.title = self.json["info"]["title"]
        self.version = self.json["info"]["version"]

    def resolve(self, value):
        """What a reference stands for; anything else is itself."""
        while isinstance(value, dict) and "$ref" in value:
            found = self.json
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def operations(self):
        """Every operation, in the order of the document."""
        for path, item in self.json["paths"].items():
            for method, operation in item.items():
                if method in METHODS:
                    shared = item.get("parameters", [])
                    yield Operation(self, method.upper(), path, operation, shared)

    def properties(self, schema):
        """The members of an object, those it is made of included."""
        schema = self.resolve(schema) or {}
        found = dict(schema.get("properties", {}))
        for part in (*schema.get("allOf", []), *schema.get("anyOf", [])[:1], *schema.get("oneOf", [])[:1]):
            found.update(self.properties(part))
        return found


class Operation:
    """One operation of a document."""

    def __init__(self, document, method, path, json, shared):
        self.document = document
        self.method = method
        self.path = path
        self.json = json
        self.name = f"{method} {path}"
        self.text = json.get("description", "")
        self.parameters = [document.resolve(one) for one in (*shared, *json.get("parameters", []))]

    def success(self):
        """Schema and example of the answer that is no error: `({}, None)` where the document has neither."""
        for status in ("200", "201", "202"):
            answer = self.document.resolve(self.json.get("responses", {}).get(status))
            for content in ((answer or {}).get("content") or {}).values():
                return self.document.resolve(content.get("schema", {})), example(content)
        return {}, None

    def body(self):
        """Members, required names and example of the body it is sent; nothing where it takes none."""
        body = self.document.resolve(self.json.get("requestBody"))
        for content in ((body or {}).get("content") or {}).values():
            schema = self.document.resolve(content.get("schema", {}))
            return self.document.properties(schema), schema.get("required", []), example(content)
        return {}, [], None


def example(content):
    """The example of a content, as JSON where it is text that holds some."""
    found = content.get("example")
    for named in (content.get("examples") or {}).values():
        found = found if found is not None else named.get("value")
    if isinstance(found, str):
        try:
            return json.loads(found)
        except ValueError:
            return None
    return found


def bare(path):
    """A path template without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def header(documents, what):
    """The first lines of a table: what it is, what it was read from, and how it is written again."""
    read = [f"#   {one.title} {one.version}\n#     sha256 of the JSON {one.digest}" for one in documents]
    return "\n".join(
        [
            *(f"# {line}".rstrip() for line in what.strip().splitlines()),
            "#",
            "# Read from Atlassian's OpenAPI documents (Apache License 2.0, F10.3):",
            *read,
            "# Written by `python3 scripts/catalogue DOCUMENT…`; do not edit.",
            "",
        ]
    )
