"""Quotas that one process has met are known to all processes of its store, whatever their language."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PATIENCE, ROOT, Person, Sandbox, for_node
from threelo import Client, RateLimitedError

REASONS = {"app": "jira-quota-global-based", "tenant": "jira-quota-tenant-based"}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The options of a store that processes share."""
    if request.param == "sqlite":
        yield {"store": str(tmp_path / "threelo.db")}
        return
    with subprocess.Popen(
        [ROOT / "scripts" / "postgres.sh", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url, _ = server.stdout.readline().split()
        yield {"store": f"{url}/postgres", "encryption_key": b64encode(bytes(32)).decode()}
        # It serves until its input ends.
        server.stdin.close()


@pytest.mark.parametrize("scope", REASONS)
def test_a_quota_that_python_met_is_known_to_node(
    sandbox: Sandbox, store: dict[str, str], scope: str
) -> None:
    options = sandbox.options(**store)
    reason = REASONS[scope]
    headers = {"Retry-After": "3600", "RateLimit-Reason": reason}
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
    assert json.loads(run.stdout) == {"code": "rate_limited", "reason": reason, "scope": scope}
    assert sandbox.control("GET", "/log")["counts"]["api_calls"] == 0
