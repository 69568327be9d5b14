"""Users connect their Jira and see their newest issues: FastAPI, or Starlette, with threelo's AsyncClient."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from threelo import AsyncClient, ConnectionNotFoundError, ReauthorizationRequiredError, ThreeloError

REDIRECT_URI = os.environ["THREELO_REDIRECT_URI"]
jira = AsyncClient(
    client_id=os.environ["THREELO_CLIENT_ID"],
    client_secret=os.environ["THREELO_CLIENT_SECRET"],
    redirect_uri=REDIRECT_URI,
    scopes=["read:jira-work", "read:jira-user"],
    store=os.environ.get("THREELO_STORE", "threelo.db"),
    # Only for the sandbox.
    endpoints=dict(host.split("=", 1) for host in os.environ.get("THREELO_ENDPOINTS", "").split(",") if host),
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    # The server has answered its last request; rotations that are still under way are finished and stored.
    await jira.close()


app = FastAPI(lifespan=lifespan)
# The cookie must come along when Atlassian's page leads back, which "strict" would prevent.
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SESSION_SECRET"],
    same_site="lax",
    https_only=REDIRECT_URI.startswith("https:"),
)


def user_of(request: Request) -> str:
    """Who this is. With a login of your own: the id of your user."""
    return str(request.session.setdefault("user", f"user-{secrets.token_hex(8)}"))


def page(body: str, status: int = 200) -> HTMLResponse:
    text = f'<!doctype html><html lang="en"><title>Jira</title><body>{body}</body></html>'
    return HTMLResponse(text, status)


@app.get("/")
async def home(request: Request) -> HTMLResponse:
    user = user_of(request)
    try:
        connection = await jira.connection(user)
        params = {"jql": "created >= -90d order by created DESC", "fields": "summary"}
        newest = jira.paginate(user, "/rest/api/3/search/jql", params=params, limit=10)
        items = [f"<li>{escape(i['key'])} {escape(i['fields']['summary'])}" async for i in newest]
    except ConnectionNotFoundError:
        return page('<h1>Jira</h1><a href="/connect">Connect your Jira</a>')
    except ReauthorizationRequiredError:
        return page(
            '<h1>Jira</h1><p>Jira asks for your consent again.</p><a href="/connect">Connect again</a>'
        )
    name = escape(connection.site.name if connection.site else "")
    form = '<form method="post" action="/disconnect"><button>Disconnect</button></form>'
    return page(f"<h1>Newest issues of {name}</h1><ul>{''.join(items)}</ul>{form}")


@app.get("/connect")
async def connect(request: Request) -> RedirectResponse:
    # Ties the consent to this browser: nobody can finish it in another one.
    binding = request.session.setdefault("binding", secrets.token_urlsafe())
    session = await jira.connect(user_of(request), binding=binding)
    return RedirectResponse(session.url, 303)


@app.get("/callback")
async def callback(request: Request) -> RedirectResponse:
    await jira.complete(str(request.url), binding=request.session.get("binding", ""))
    return RedirectResponse("/", 303)


@app.post("/disconnect")
async def disconnect(request: Request) -> RedirectResponse:
    await jira.disconnect(user_of(request))
    return RedirectResponse("/", 303)


STATUS = {"state_invalid": 400, "authorization_denied": 403, "connection_not_found": 404}


@app.exception_handler(ThreeloError)
async def failed(_: Request, error: ThreeloError) -> HTMLResponse:
    status = STATUS.get(error.code, 503 if error.retryable else 502)
    return page(f'<h1>That did not work</h1><p>{escape(error.message)}</p><a href="/">Back</a>', status)
