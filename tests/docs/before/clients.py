"""What stands before the parts of programs in docs/clients.md: connections, and an issue to make."""

from threelo.testing import Sandbox

issue = {"fields": {"project": {"key": "ACME"}, "summary": "made", "issuetype": {"name": "Task"}}}
atlassian = Sandbox()
client = atlassian.client(store="threelo.db")
atlassian.connect(client, "user-42", sites=["acme"])


def make_async_client():
    return atlassian.async_client(store="threelo.db")
