"""Users connect their Jira and see their newest issues."""

import secrets
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from threelo import ConnectionNotFoundError, ReauthorizationRequiredError, ThreeloError

from .jira import client


def user_of(request: HttpRequest) -> str:
    """Who this is. With a login of your own: str(request.user.pk)."""
    return str(request.session.setdefault("user", f"user-{secrets.token_hex(8)}"))


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    try:
        connection = client.connection(user)
        params = {"jql": "created >= -90d order by created DESC", "fields": "summary"}
        issues = list(client.paginate(user, "/rest/api/3/search/jql", params=params, limit=10))
    except ConnectionNotFoundError:
        return page(request, title="Jira", link="/connect", label="Connect your Jira")
    except ReauthorizationRequiredError:
        text = "Jira asks for your consent again."
        return page(request, title="Jira", text=text, link="/connect", label="Connect again")
    title = f"Newest issues of {connection.site.name if connection.site else ''}"
    return page(request, title=title, issues=issues, connected=True)


@require_GET
def connect(request: HttpRequest) -> HttpResponse:
    # Ties the consent to this browser: nobody can finish it in another one.
    binding = request.session.setdefault("binding", secrets.token_urlsafe())
    return HttpResponseRedirect(client.connect(user_of(request), binding=binding).url)


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    client.complete(request.build_absolute_uri(), binding=request.session.get("binding", ""))
    return HttpResponseRedirect("/")


@require_POST
def disconnect(request: HttpRequest) -> HttpResponse:
    client.disconnect(user_of(request))
    return HttpResponseRedirect("/")


STATUS = {"state_invalid": 400, "authorization_denied": 403, "connection_not_found": 404}


class Failures:
    """Middleware: what threelo raises becomes a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, ThreeloError):
            return None
        status = STATUS.get(error.code, 503 if error.retryable else 502)
        shown = {"title": "That did not work", "text": error.message, "link": "/", "label": "Back"}
        return page(request, status=status, **shown)


def page(request: HttpRequest, *, status: int = 200, **shown: Any) -> HttpResponse:
    return render(request, "page.html", shown, status=status)
