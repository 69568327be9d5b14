"""Writes what threelo knows about Atlassian's operations, read from Atlassian's own OpenAPI documents.

    python3 scripts/catalogue jira-openapi-v3.json.gz jira-software-openapi.json.gz

The documents are not part of this project, and nothing needs them but this script: it writes two tables that
are committed, one for the core (which scopes an operation needs) and one for the sandbox (what its listings
look like). Plain JSON and gzip are read. Where they come from is told in F10.3. With `--check` nothing is
written; it fails when a table is not what the documents lead to, and says so and succeeds when no document is
given.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import documents
import listings
import operations

ROOT = pathlib.Path(__file__).parents[2]
TABLES = {
    ROOT / "core/src/atlassian/catalogue/operations.txt": operations.table,
    ROOT / "sandbox/src/listings/documented.txt": listings.table,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("documents", nargs="*", help="Atlassian's OpenAPI documents, .json or .json.gz")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    asked = parser.parse_args()
    if not asked.documents:
        if asked.check:
            print("no documents given: nothing to compare")
            return 0
        parser.error("name Atlassian's OpenAPI documents")
    read = [documents.Document(path) for path in asked.documents]
    stale = 0
    for path, table in TABLES.items():
        text = table(read)
        if asked.check:
            if not path.exists() or path.read_text() != text:
                print(f"{path.relative_to(ROOT)} is not what these documents lead to", file=sys.stderr)
                stale = 1
        else:
            path.write_text(text)
            print(f"{path.relative_to(ROOT)}: {len(text)} bytes")
    return stale


sys.exit(main())
