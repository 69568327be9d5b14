"""The app of this demo, as the sandbox knows it. Real values come from Atlassian's developer console."""

from __future__ import annotations

from threelo import ClientOptions

REDIRECT_URI = "http://localhost:3000/callback"


def options(url: str, store: str) -> ClientOptions:
    """Options of a client that has the sandbox at `url` for Atlassian and its connections in `store`."""
    return {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "redirect_uri": REDIRECT_URI,
        "scopes": ["read:jira-work", "read:jira-user", "read:confluence-space.summary"],
        "store": store,
        "endpoints": {"auth": url, "api": url},
    }
