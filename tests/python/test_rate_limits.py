"""Quotas that one process has met are known to all processes of its store, whatever their language."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support import PATIENCE, ROOT, Person, Sandbox, for_node
from threelo import Client, RateLimitedError

REASON = "jira-quota-global-based"


def test_a_quota_that_python_met_is_known_to_node(sandbox: Sandbox, tmp_path: Path) -> None:
    options = sandbox.options(store=str(tmp_path / "threelo.db"))
    headers = {"Retry-After": "3600", "RateLimit-Reason": REASON}
    fault = {"status": 429, "headers": headers, "body": ""}
    with Client(**options) as client:
        Person(sandbox).connect(client, "user-42")
        sandbox.control("POST", "/faults", {"path": "/ex/jira/*", "kind": fault, "times": 1})
        with pytest.raises(RateLimitedError):
            client.proxy_request("user-42", "GET", "/rest/api/3/myself")
    sandbox.control("DELETE", "/log")
    program = ROOT / "tests" / "node" / "programs" / "limited.mjs"
    run = subprocess.run(
        ["node", program],
        input=json.dumps(for_node(options)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"code": "rate_limited", "reason": REASON, "scope": "app"}
    assert sandbox.control("GET", "/log")["counts"]["api_calls"] == 0
