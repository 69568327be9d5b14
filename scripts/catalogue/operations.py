"""The table of operations: method, path, the scopes each needs, and what stands in the way of using it."""

import re

from documents import bare, header

WHAT = """
Operations of Jira's REST APIs and the scopes they need (F10.2).

`@ classic | granular` begins a group: all the classic scopes, or all the granular ones, are needed (F6.2).
Where one side is empty there is no such way in; where both are, the documents name no scope.
Below it, one operation on each line: METHOD path [marks] [-> METHOD path of its successor]. The marks:
  deprecated      Atlassian says not to use it any more
  removed=DATE    the day from which it is announced to be gone
  experimental    may change without notice
  task            answers 303, whose address tells how a long task goes on (F5.9)
  connect-only, forge-only, no-apps   OAuth 2.0 (3LO) apps cannot use it (F5.4)
  may=KIND:NAME,…  the permissions that the user needs, or of which one will do: their prose says which
"""

# Successors that the documents only tell in prose (F6.7).
SUCCESSORS = {
    "GET /rest/api/3/search": "GET /rest/api/3/search/jql",
    "POST /rest/api/3/search": "POST /rest/api/3/search/jql",
    "POST /rest/api/3/expression/eval": "POST /rest/api/3/expression/evaluate",
    "GET /rest/api/3/issue/createmeta": "GET /rest/api/3/issue/createmeta/{projectIdOrKey}/issuetypes",
}

# How the documents name a permission, after the words that begin the part about them.
PERMISSIONS = "[Permissions](#permissions) required"
PERMISSION = re.compile(r"\*([A-Z][^*\n]{2,60})\*\s*\[(?:global|project) permission\]")
# Descriptions take one kind for the other in places.
GLOBAL = ("administer jira", "browse users and groups", "share dashboards and filters")

# Whom an operation is for, where it is not for OAuth apps (F5.4): by its path, else by its description.
BY_PATH = {
    "/rest/atlassian-connect/": "connect-only",
    "/rest/forge/": "forge-only",
    "/rest/internal/": "no-apps",
}
BY_TEXT = {
    r"Only \[?Connect apps\]?": "connect-only",
    r"can only be \w+ by Forge apps": "forge-only",
}


def scopes(operation):
    """The classic and the granular scopes, each in the document's order."""
    listed = [one.get("OAuth2", []) for one in operation.json.get("security", [])]
    declared = [scope for some in listed for scope in some]
    tagged = {one["state"]: one["scopes"] for one in operation.json.get("x-atlassian-oauth2-scopes", [])}
    # Where nothing is tagged, a scope tells its kind by its form: granular ones have two colons (F10.1).
    if not tagged:
        granular = [scope for scope in declared if scope.count(":") == 2]
        return [scope for scope in declared if scope not in granular], granular
    return declared or tagged.get("Current", []), tagged.get("Beta", [])


def permissions(operation):
    """The permissions that the description names, each once, however it is written there."""
    _, _, told = operation.text.partition(PERMISSIONS)
    named = {}
    for name in PERMISSION.findall(told):
        name = re.sub(r"\bproject$", "projects", name.strip().lower())
        kind = "global" if name in GLOBAL else "project"
        named[name] = f"{kind}:{name.capitalize().replace(' jira', ' Jira').replace(' ', '_')}"
    return ",".join(named.values())


def barred(operation):
    """The mark of an operation that OAuth apps cannot use, if it is one."""
    for start, mark in BY_PATH.items():
        if operation.path.startswith(start):
            return mark
    for pattern, mark in BY_TEXT.items():
        if re.search(pattern, operation.text):
            return mark
    usable = any("OAuth2" in one for one in operation.json.get("security", []))
    if usable or operation.json.get("x-atlassian-oauth2-scopes"):
        return None
    # The providers' interfaces of Jira Software are Connect's.
    return "no-apps" if operation.path.startswith("/rest/") else "connect-only"


def anchors(operations):
    """The documents link to an operation by a name made of its path and method."""
    named = {}
    for one in operations:
        name = one.path.replace("{", "").replace("}", "").replace("/", "-")
        named[f"#api{name}-{one.method.lower()}"] = one.name
    return named


def successor(operation, anchors):
    """What to use instead of a deprecated operation: what its description links to where it says so."""
    if operation.name in SUCCESSORS:
        return SUCCESSORS[operation.name]
    for sentence in re.split(r"\n\n", operation.text):
        if re.search(r"deprecated, use|is deprecated|will be removed", sentence, re.IGNORECASE):
            for link in re.findall(r"#api-[\w-]+", sentence):
                if anchors.get(link, operation.name) != operation.name:
                    return anchors[link]
    return None


def line(operation, anchors):
    """One line of the table."""
    words = [operation.name]
    deprecated = operation.json.get("deprecated")
    if deprecated:
        words.append("deprecated")
        words += [
            f"removed={change['effective']}"
            for change in operation.json.get("x-changes", [])[:1]
            if change.get("type") == "removed" and not_a_member(operation)
        ]
    if operation.json.get("x-experimental"):
        words.append("experimental")
    if "303" in operation.json.get("responses", {}) and "/attachment/" not in operation.path:
        words.append("task")
    if mark := barred(operation):
        words.append(mark)
    if needed := permissions(operation):
        words.append(f"may={needed}")
    if deprecated and (instead := successor(operation, anchors)):
        words.append(f"-> {instead}")
    return " ".join(words)


def not_a_member(operation):
    """Whether the operation itself goes, and not a member of its body, which is announced the same way."""
    return "Deprecation applies to" not in operation.text


def table(documents):
    """The whole table."""
    every = [one for document in documents for one in document.operations()]
    templates = {(one.method, bare(one.path)) for one in every}
    assert len(templates) == len(every), "two operations have the same method and path"
    named = anchors(every)
    groups = {}
    for one in every:
        classic, granular = scopes(one)
        heading = f"@ {' '.join(classic)} | {' '.join(granular)}".replace("  ", " ").rstrip()
        groups.setdefault(heading, []).append(one)
    lines = [header(documents, WHAT)]
    for heading, group in sorted(groups.items()):
        lines.append(heading)
        lines += sorted(line(one, named) for one in group)
    return "\n".join(lines) + "\n"
