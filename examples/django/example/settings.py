"""As little of Django as the example needs. Sessions are signed cookies, so there is no database."""

import os

SECRET_KEY = os.environ["SESSION_SECRET"]
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "example.urls"
WSGI_APPLICATION = "example.wsgi.application"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "example.views.Failures",
]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [os.path.dirname(__file__)]},
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
# The cookie must come along when Atlassian's page leads back, which "Strict" would prevent.
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ["THREELO_REDIRECT_URI"].startswith("https:")
