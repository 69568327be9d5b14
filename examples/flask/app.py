"""Users connect their Jira and see their newest issues: Flask, with threelo's Client."""

import atexit
import os
import secrets

from flask import Flask, redirect, render_template_string, request, session
from werkzeug.wrappers import Response

from threelo import Client, ConnectionNotFoundError, ReauthorizationRequiredError, ThreeloError

REDIRECT_URI = os.environ["THREELO_REDIRECT_URI"]
jira = Client(
    client_id=os.environ["THREELO_CLIENT_ID"],
    client_secret=os.environ["THREELO_CLIENT_SECRET"],
    redirect_uri=REDIRECT_URI,
    scopes=["read:jira-work", "read:jira-user"],
    store=os.environ.get("THREELO_STORE", "threelo.db"),
    # Only for the sandbox.
    endpoints=dict(host.split("=", 1) for host in os.environ.get("THREELO_ENDPOINTS", "").split(",") if host),
)
# Rotations that are still under way when the process ends are finished and stored.
atexit.register(jira.close)

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SESSION_SECRET"],
    # The cookie must come along when Atlassian's page leads back, which "Strict" would prevent.
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=REDIRECT_URI.startswith("https:"),
)

PAGE = """<!doctype html><html lang="en"><title>Jira</title><body>
<h1>{{ title }}</h1>
{% if text %}<p>{{ text }}</p>{% endif %}
<ul>{% for issue in issues %}<li>{{ issue.key }} {{ issue.fields.summary }}{% endfor %}</ul>
{% if link %}<a href="{{ link }}">{{ label }}</a>{% endif %}
{% if connected %}<form method="post" action="/disconnect"><button>Disconnect</button></form>{% endif %}
</body></html>"""


def user() -> str:
    """Who this is. With a login of your own: the id of your user."""
    return str(session.setdefault("user", f"user-{secrets.token_hex(8)}"))


@app.get("/")
def home() -> str:
    try:
        connection = jira.connection(user())
        params = {"jql": "created >= -90d order by created DESC", "fields": "summary"}
        issues = list(jira.paginate(user(), "/rest/api/3/search/jql", params=params, limit=10))
    except ConnectionNotFoundError:
        return render_template_string(PAGE, title="Jira", link="/connect", label="Connect your Jira")
    except ReauthorizationRequiredError:
        text = "Jira asks for your consent again."
        return render_template_string(PAGE, title="Jira", text=text, link="/connect", label="Connect again")
    title = f"Newest issues of {connection.site.name if connection.site else ''}"
    return render_template_string(PAGE, title=title, issues=issues, connected=True)


@app.get("/connect")
def connect() -> Response:
    # Ties the consent to this browser: nobody can finish it in another one.
    binding = session.setdefault("binding", secrets.token_urlsafe())
    return redirect(jira.connect(user(), binding=binding).url, 303)


@app.get("/callback")
def callback() -> Response:
    jira.complete(request.url, binding=session.get("binding", ""))
    return redirect("/", 303)


@app.post("/disconnect")
def disconnect() -> Response:
    jira.disconnect(user())
    return redirect("/", 303)


STATUS = {"state_invalid": 400, "authorization_denied": 403, "connection_not_found": 404}


@app.errorhandler(ThreeloError)
def failed(error: ThreeloError) -> tuple[str, int]:
    status = STATUS.get(error.code, 503 if error.retryable else 502)
    title = "That did not work"
    return render_template_string(PAGE, title=title, text=error.message, link="/", label="Back"), status
