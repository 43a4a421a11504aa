"""Settings of the project, from the environment; `.env.example` describes every variable.

`ENV_FILE` names another file than `.env`; empty reads none.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from pathlib import Path
from typing import Any

import django
import environ
from django.core.exceptions import ImproperlyConfigured

from apikeys.networks import normalise_origin

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
_env_file = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
if _env_file and Path(_env_file).is_file():
    env.read_env(_env_file)


def _switch(name: str, default: str) -> bool:
    """Return an on/off variable; anything else is an error: a typo must not turn a guard off."""
    text = env.str(name, default=default).strip().lower() or default
    if text in {"on", "1", "true", "yes"}:
        return True
    if text in {"off", "0", "false", "no"}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off, not {text!r}.")


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env.str(name, default=default).split(",") if part.strip()]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _origins(texts: list[str]) -> tuple[str, ...]:
    origins = []
    for text in texts:
        origin = normalise_origin(text)
        if origin is None:
            raise ImproperlyConfigured(f"{text!r} is no origin: write scheme://host[:port].")
        origins.append(origin)
    return tuple(origins)


def _peppers(text: str) -> dict[int, str]:
    """Read `1:value,2:value`; never repeats a value in an error."""
    peppers: dict[int, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        version, colon, value = part.partition(":")
        if not (colon and version.isascii() and version.isdigit()):
            raise ImproperlyConfigured("PEPPERS must read VERSION:VALUE, separated by commas.")
        if int(version) in peppers:
            raise ImproperlyConfigured(f"PEPPERS names version {int(version)} twice.")
        peppers[int(version)] = value
    return peppers


def _database(url: str) -> dict[str, Any]:
    config: dict[str, Any] = env.db_url_config(url)
    engine = config.get("ENGINE")
    if engine == "django.db.backends.sqlite3":
        if config["NAME"] != ":memory:":
            config["NAME"] = str(BASE_DIR / config["NAME"])
        config["OPTIONS"] = {
            # Without these, writers at the same time fail instead of waiting for each other.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    elif engine == "django.db.backends.postgresql":
        # A fresh connection costs 3 ms, a kept one nothing; a dead one is noticed before its use.
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
        config["OPTIONS"] = {
            "connect_timeout": 3,
            "options": "-c statement_timeout=10000",
            **config.get("OPTIONS", {}),
        }
    else:
        raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgres://.")
    return config


def _mail(url: str) -> dict[str, Any]:
    """Read `smtp+tls://user:password@host:587`; nothing means the console."""
    config: dict[str, Any] = env.email_url_config(url or "consolemail://")
    if django.VERSION < (6, 1):
        return {name: value for name, value in config.items() if value is not None}
    # Named anew in Django 6.1, which warns of the settings of old.
    options = {
        "EMAIL_HOST": "host",
        "EMAIL_PORT": "port",
        "EMAIL_HOST_USER": "username",
        "EMAIL_HOST_PASSWORD": "password",
        "EMAIL_USE_TLS": "use_tls",
        "EMAIL_USE_SSL": "use_ssl",
    }
    given = {new: config[old] for old, new in options.items() if config.get(old)}
    return {"MAILERS": {"default": {"BACKEND": config["EMAIL_BACKEND"], "OPTIONS": given}}}


SECRET_KEY = env.str("SECRET_KEY", default="")
DEBUG = _switch("DEBUG", "off")
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.str("PORT", default="") or "8000"
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
HTTPS = _switch("HTTPS", "on")
if not HTTPS and not _is_loopback(HOST) and not _switch("ALLOW_PLAIN_HTTP", "off"):
    raise ImproperlyConfigured(
        f"HTTPS=off sends keys in the clear to whoever listens on the way to {HOST}: "
        "set HTTPS=on, or a loopback HOST, or ALLOW_PLAIN_HTTP=1 if you mean it."
    )
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", ",".join(LOOPBACK_HOSTS))
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apikeys",
    "dashboard",
    "project.accounts",
    "project.demo",
    "project.demo.notes",
    "project.demo.tools_fast",
    "project.demo.freefiletools",
    "project.demo.fastpix",
    "project.demo.fastcms",
    "project.demo.fastly",
]
MIDDLEWARE = [
    "project.proxies.TrustedProxyMiddleware",
    "project.headers.PageHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "project.demo.cors.DialectCorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apikeys.middleware.AccessTokenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": _database(env.str("DATABASE_URL", default="") or "sqlite:///var/demo.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["project.accounts.backends.LimitedBackend"]
PASSWORD_HASHERS = [
    "project.accounts.hashers.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "start"

globals().update(_mail(env.str("EMAIL_URL", default="")))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="") or "API keys <keys@localhost>"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# HTTPS drives all of these together.
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# Pages alone are redirected: a program would send its key in the clear again, unnoticed.
SECURE_REDIRECT_EXEMPT = [r"^(?!$|accounts/|admin/|dashboard/|tools/)"]
# Not a header: only TrustedProxyMiddleware can set it.
SECURE_PROXY_SSL_HEADER = ("apikeys.proven_scheme", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    # Bodies read as the systems' documentation prints them: `{"error": "…", "detail": "…"}`.
    "COMPACT_JSON": False,
    # A view that names no authentication of its own lets nobody in.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "apikeys.api.schema.AccessTokenSchema",
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Access tokens",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

APIKEYS = {
    "DIALECTS": {
        "tools-fast": "project.demo.tools_fast.dialect.ToolsFast",
        "freefiletools": "project.demo.freefiletools.dialect.FreeFileTools",
        "fastpix": "project.demo.fastpix.dialect.FastPix",
        "fastcms": "project.demo.fastcms.dialect.FastCMS",
        "fastly": "project.demo.fastly.dialect.Fastly",
    },
    "SCOPES": {
        "notes:read": "Read notes",
        "notes:write": "Add and change notes",
        "notes:delete": "Delete notes",
    },
    "PEPPERS": _peppers(env.str("PEPPERS", default="")),
    "REQUIRE_HTTPS": HTTPS,
    "TRUSTED_PROXIES": _list("TRUSTED_PROXIES"),
    "LIMITS_STORAGE": env.str("REDIS_URL", default="") or "memory://",
    "FLUSH_SECONDS": env.float("FLUSH_SECONDS", default=10.0),
}

# Only what FastCMS makes of a log-in; it verifies nothing else and lives too briefly to be renewed.
SIMPLE_JWT = {
    "SIGNING_KEY": hashlib.sha256(f"fastcms jwt {SECRET_KEY}".encode()).hexdigest(),
    "ALGORITHM": "HS256",
    "AUTH_HEADER_TYPES": ("Bearer", "bearer", "BEARER"),
}

# Origins of the demo's own pages, which the systems for browsers call first-party.
_own_origins = (f"{'https' if HTTPS else 'http'}://{name}:{PORT}" for name in LOOPBACK_HOSTS)
FIRST_PARTY_ORIGINS = _origins(_list("FIRST_PARTY_ORIGINS")) or tuple(
    filter(None, map(normalise_origin, _own_origins))
)
CORS_ALLOW_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
CORS_EXPOSE_HEADERS = (
    "Content-Disposition",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO").upper()},
    # Django adds handlers of its own to these two; one line on the console is enough.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
