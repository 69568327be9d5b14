"""The one client of this process."""

import atexit
import os

from threelo import Client

REDIRECT_URI = os.environ["THREELO_REDIRECT_URI"]
client = Client(
    client_id=os.environ["THREELO_CLIENT_ID"],
    client_secret=os.environ["THREELO_CLIENT_SECRET"],
    redirect_uri=REDIRECT_URI,
    scopes=["read:jira-work", "read:jira-user"],
    store=os.environ.get("THREELO_STORE", "threelo.db"),
    # Only for the sandbox.
    endpoints=dict(host.split("=", 1) for host in os.environ.get("THREELO_ENDPOINTS", "").split(",") if host),
)
# Rotations that are still under way when the process ends are finished and stored.
atexit.register(client.close)
