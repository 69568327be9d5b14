"""What stands before the parts of programs in docs/requests.md: a connection, and files to send."""

import hashlib
from pathlib import Path

from threelo import File
from threelo.testing import Sandbox

Path("report.pdf").write_bytes(b"%PDF-1.7")
Path("notes.txt").write_text("notes")
image_bytes = b"\x89PNG"
checksum = hashlib.sha256()

atlassian = Sandbox()
client = atlassian.client()
atlassian.connect(client, "user-42", sites=["acme"])
for name in ("report.pdf", "notes.txt"):
    path = "/rest/api/3/issue/ACME-1/attachments"
    client.proxy_request("user-42", "POST", path, files=name).raise_for_status()
