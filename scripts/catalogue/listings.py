"""The table of listings for the sandbox: which shape of F8 each has, and how a page of it is asked for."""

import json
import re

from documents import header
from operations import barred

WHAT = """
Every listing among Jira's documented operations, one JSON object on each line.
  op       method and path template
  row      row of F8
  gone     answers 410 (F6.7)
  barred   is not for OAuth apps (F5.4)
  shape    how its pages look (see listings/shape.rs)
  list     where the items are; `a.b` is member b of member a, whose token stands beside it
  id       what tells items apart; null where an item is a text
  number   whether that is a number
  ends     member that says whether a page is the last one, where pages with tokens have one
  size     parameter for the size of a page; null where it cannot be chosen
  page     size of a page that was not asked for another
  body     whether position and size travel in the body
  params   parameters it cannot do without
  json     a body it can be asked with
  links    has the addresses of the pages beside it as `next` and `prev`
  beside   another list in the answer, which is not what is listed
"""

# What tells items apart, the best first.
IDS = ("id", "accountId", "worklogId", "issueId", "fieldId", "key", "name", "description")
BEAN = {"startAt", "maxResults", "total", "isLast", "values"}
# A position or a size in a query or a body.
POSITIONS = {
    "startAt",
    "offset",
    "cursor",
    "nextPageToken",
    "since",
    "after",
    "startingAfter",
    "endingBefore",
}
SIZES = ("maxResults", "maxResult", "limit")
# Parameters and members that pages have, under these names or others that were not thought of.
PAGED = re.compile(
    r"^(startAt|start|since|until|offset|limit|after|before|next|last|total|isLast|hasMore)$"
    r"|^max|cursor|ing(After|Before)$|[pP]age(Token|Size|$)|^lastPage|^(has|is)(Next|Last)"
)
# Operations that have such a name and are no listings, with the reason.
NO_LISTINGS = {
    r"POST .*/move": "`after` is where something is put",
    r"GET /rest/api/3/(groups|groupuser|user)/?picker": "suggestions while somebody types: the first few",
}
# Pages of row 15 have a size of Jira's own, which the prose tells.
BETWEEN_SIZE = 50
# What the documents tell in prose only: parameters of which one is needed, and searches that must be bounded
# (F8 row 3). The sandbox puts a project and an issue of its own where braces stand.
NEEDED = {
    "GET /rest/api/3/bulk/issues/fields": {"issueIdsOrKeys": "{issue}"},
    "GET /rest/api/3/bulk/issues/transition": {"issueIdsOrKeys": "{issue}"},
    "GET /rest/api/3/group/member": {"groupname": "jira-users"},
    "GET /rest/api/3/search/jql": {"jql": "project = {project}"},
    "GET /rest/api/3/user/assignable/multiProjectSearch": {"query": "a"},
    "GET /rest/api/3/user/assignable/search": {"project": "{project}", "query": "a"},
    "GET /rest/api/3/user/bulk/migration": {"username": ["ada"]},
    "GET /rest/api/3/user/permission/search": {"query": "a"},
    "GET /rest/api/3/user/search": {"query": "a"},
    "GET /rest/api/3/user/viewissue/search": {"issueKey": "{issue}", "query": "a"},
}
BODIES = {
    "POST /rest/api/3/changelog/bulkfetch": {"issueIdsOrKeys": ["{issue}"]},
    "POST /rest/api/3/search/jql": {"jql": "project = {project}"},
}


def shape(members, names, listed):
    """The row of F8, the shape, and the member with the items; None where it is no listing."""
    arrays = [name for name, schema in members.items() if schema.get("type") == "array"]
    if not members:
        return (5, "array", "") if listed and "startAt" in names else None
    if members.keys() >= BEAN:
        return 1, "bean", "values"
    # Schema and example disagree on whether these end with `last` or with `isLast`; F8 has the latter.
    if {"nextPageCursor", "values"} <= members.keys():
        return 6, "cursor", "values"
    if {"until", "lastPage"} <= members.keys():
        return 7, "feed", "values"
    if {"offset", "limit", "records"} <= members.keys():
        return 8, "offset", "records"
    if "after" in names and "values" in members:
        return 9, "after", "values"
    if "nextPageToken" in members:
        return (3 if "isLast" in members else 4), "token", arrays[0]
    if {"startingAfter", "endingBefore"} <= members.keys():
        return 15, "between", arrays[0]
    if {"startAt", "maxResults", "total"} <= members.keys():
        return 2, "counted", named(arrays)
    return None


def named(arrays):
    """The member with the items: not the messages beside them, nor a second name for the same."""
    other = {"warningMessages", "createMetaIssueType", "results"}
    return next(name for name in arrays if name not in other)


def recognise(operation):
    """What the answer of an operation looks like, from its schema, or from its example where it has none."""
    document = operation.document
    schema, example = operation.success()
    names = {one["name"] for one in operation.parameters if one["in"] == "query"} | set(operation.body()[0])
    members = {name: document.resolve(one) for name, one in document.properties(schema).items()}
    listed = schema.get("type") == "array"
    if not members and not listed and isinstance(example, dict):
        members = {name: described(value) for name, value in example.items()}
    if operation.path.startswith("/rest/agile/") and "startAt" in names:
        # Examples of one element stand for a page in places.
        listing = "values" if "values" in members else "issues"
        return (11, "agile", "values", members) if listing == "values" else (11, "counted", "issues", members)
    if found := shape(members, names, listed):
        return *found, members if found[1] != "array" else {"": schema}
    if "nextPageToken" in names:
        for name, member in members.items():
            inner = {key: document.resolve(one) for key, one in document.properties(member).items()}
            if {"nextPageToken", "values"} <= inner.keys():
                return 4, "token", f"{name}.values", {f"{name}.values": inner["values"]}
    return None


def described(value):
    """A schema for a value of an example."""
    if isinstance(value, list):
        return {"type": "array", "items": described(value[0]) if value else {}}
    if isinstance(value, dict):
        return {"type": "object", "properties": {name: described(one) for name, one in value.items()}}
    return {"type": {bool: "boolean", int: "integer", float: "number"}.get(type(value), "string")}


def identity(operation, schema, list_at):
    """What tells the items of a list apart, and whether it is a number."""
    document = operation.document
    item = document.resolve(schema.get("items", {}))
    if item.get("type") == "string":
        return None, False
    members = {name: document.resolve(one) for name, one in document.properties(item).items()}
    shown = operation.success()[1]
    shown = shown.get(list_at) if isinstance(shown, dict) else shown
    if isinstance(shown, list) and shown and isinstance(shown[0], dict):
        members = {name: described(one) for name, one in shown[0].items()} | members
    read = {name: one for name, one in members.items() if not one.get("writeOnly")}
    scalar = [name for name, one in read.items() if one.get("type") in ("string", "integer", "number")]
    best = [name for name in IDS if name in scalar] + [name for name in sorted(scalar) if name.endswith("Id")]
    name = (best + sorted(scalar) + ["id"])[0]
    return name, members.get(name, {}).get("type") in ("integer", "number")


def value(schema, document):
    """A value that a required parameter may have."""
    schema = document.resolve(schema)
    if schema.get("type") == "array":
        return [value(schema.get("items", {}), document)]
    for name in ("example", "default"):
        if schema.get(name) not in (None, ""):
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    return {"integer": 10001, "number": 1, "boolean": True}.get(schema.get("type"), "example")


def row(operation):
    """One line of the table, or None."""
    found = recognise(operation)
    if found is None or operation.method not in ("GET", "POST"):
        return None
    number, kind, list_at, members = found
    name, numeric = identity(operation, members.get(list_at) or {"items": {}}, list_at)
    query = [one for one in operation.parameters if one["in"] == "query"]
    body, required, example = operation.body()
    sized = {one["name"]: one["schema"] for one in query if one["name"] in SIZES}
    in_body = bool(POSITIONS & body.keys())
    if in_body:
        sized = {one: operation.document.resolve(body[one]) for one in SIZES if one in body}
    size = next(iter(sized), None)
    found = {"op": operation.name, "row": number, "shape": kind, "list": list_at, "id": name}
    if numeric:
        found["number"] = True
    if kind == "token" and "isLast" in members:
        found["ends"] = "isLast"
    if size:
        found["size"] = size
        found["page"] = int(sized[size].get("default") or 50)
    if kind == "between":
        found["page"] = BETWEEN_SIZE
    if in_body:
        found["body"] = True
    needed = [one for one in query if one.get("required") and one["name"] not in POSITIONS]
    params = {one["name"]: value(one["schema"], operation.document) for one in needed}
    if params := params | NEEDED.get(operation.name, {}):
        found["params"] = params
    if operation.method == "POST":
        sent = {key: value(body[key], operation.document) for key in required}
        sent |= example if isinstance(example, dict) else {}
        sent |= BODIES.get(operation.name, {})
        found["json"] = {key: one for key, one in sent.items() if key not in POSITIONS and key not in SIZES}
    if operation.path == "/rest/api/3/search":
        found |= {"row": 10, "gone": True}
    if barred(operation):
        found["barred"] = True
    if {"next", "prev"} <= members.keys():
        found["links"] = True
    if beside := [name for name in members if name == "statuses"]:
        found["beside"] = beside[0]
    return found


def paged(operation):
    """The names by which an operation that is no listing here looks like one all the same."""
    if operation.method not in ("GET", "POST") or any(
        re.fullmatch(one, operation.name) for one in NO_LISTINGS
    ):
        return []
    schema, example = operation.success()
    names = {one["name"] for one in operation.parameters if one["in"] == "query"} | set(operation.body()[0])
    names |= set(operation.document.properties(schema)) | set(example if isinstance(example, dict) else ())
    return sorted(name for name in names if PAGED.search(name))


def table(documents):
    """The whole table. Literal parts of a path sort before parameters: the first that fits is the best."""
    every = [one for document in documents for one in document.operations()]
    read = [(one, row(one)) for one in every]
    missed = [f"{one.name} ({', '.join(paged(one))})" for one, found in read if found is None and paged(one)]
    if missed:
        raise SystemExit(
            "these look like listings of a shape that is not known; teach `shape` theirs, "
            "or say in NO_LISTINGS why they are none:\n" + "\n".join(missed)
        )
    rows = [found for _, found in read if found]
    rows.sort(key=lambda one: (one["op"].split(" ")[1], one["op"]))
    return header(documents, WHAT) + "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in rows)
