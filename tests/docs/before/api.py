"""What stands before the parts of programs in docs/api.md: connections, a consent that came back, and a
refresh token of another system.
"""

from threelo.testing import Sandbox

atlassian = Sandbox()
client = atlassian.client()
for id in ("user-1", "user-42"):
    atlassian.connect(client, id, sites=["zeta", "acme"])
    client.select_site(id, "acme")
browser_session_id = "session"
callback_url = atlassian.consent(client.connect("user-2", binding=browser_session_id).url)


def tokens_of_another_system() -> str:
    import json
    import urllib.request
    from urllib.parse import parse_qs, urlsplit

    options = atlassian.options()
    session = client.connect("not-completed", binding=None)
    code = parse_qs(urlsplit(atlassian.consent(session.url, account="grace", sites=["acme"])).query)["code"][
        0
    ]
    wanted = {"grant_type": "authorization_code", "code": code}
    wanted |= {name: options[name] for name in ("client_id", "client_secret", "redirect_uri")}
    request = urllib.request.Request(f"{atlassian.url}/oauth/token", json.dumps(wanted).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["refresh_token"])


refresh_token = tokens_of_another_system()
