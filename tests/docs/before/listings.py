"""What stands before the parts of programs in docs/listings.md: a connection to Jira and Confluence."""

from threelo.testing import Sandbox

atlassian = Sandbox()
scopes = ["read:jira-work", "read:jira-user", "read:page:confluence", "read:space:confluence"]
client = atlassian.client(scopes=scopes)
atlassian.connect(client, "user-42", sites=["acme"])
