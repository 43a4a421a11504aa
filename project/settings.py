"""Settings of the project, from the environment; `.env.example` describes every variable.

`ENV_FILE` names another file than `.env`; empty reads none.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from project import environment

BASE_DIR = Path(__file__).resolve().parent.parent

if env_file := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    environment.load(Path(env_file))

SECRET_KEY = environment.text("SECRET_KEY")
DEBUG = environment.switch("DEBUG", default=False)
HOST = environment.text("HOST", "127.0.0.1")
PORT = environment.text("PORT", "8000")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
HTTPS = environment.switch("HTTPS", default=True)
_plain_http_is_meant = environment.switch("ALLOW_PLAIN_HTTP", default=False)
if not (HTTPS or environment.is_loopback(HOST) or _plain_http_is_meant):
    raise ImproperlyConfigured(
        f"HTTPS=off sends keys in the clear to whoever listens on the way to {HOST}: "
        "set HTTPS=on, or a loopback HOST, or ALLOW_PLAIN_HTTP=1 if you mean it."
    )
ALLOWED_HOSTS = environment.texts("ALLOWED_HOSTS", LOOPBACK_HOSTS)
CSRF_TRUSTED_ORIGINS = environment.texts("CSRF_TRUSTED_ORIGINS")
# SCRIPT_NAME is gunicorn's own, for a proxy that leaves the prefix in the path.
FORCE_SCRIPT_NAME = environment.prefix("FORCE_SCRIPT_NAME") or environment.prefix("SCRIPT_NAME")

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
    "apikeys.middleware.TrustedProxyMiddleware",
    "project.languages.OneLanguageMiddleware",
    "project.headers.PageHeadersMiddleware",
    "project.outage.OutageMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "project.headers.PagesOverHTTPSMiddleware",
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
    "default": environment.database(
        "DATABASE_URL",
        "sqlite:///var/demo.sqlite3",
        folder=BASE_DIR,
        deadline=environment.number("DATABASE_DEADLINE", default=3.0),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apikeys.backends.SlowedModelBackend"]
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

globals().update(environment.mail("EMAIL_URL"))
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "API keys <keys@localhost>")

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# Whole: of a relative one Django does not know the prefix before the first request has said it.
STATIC_URL = f"{FORCE_SCRIPT_NAME or ''}/static/"
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
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = FORCE_SCRIPT_NAME or "/"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# By PagesOverHTTPSMiddleware, which knows which are for people.
SECURE_REDIRECT_EXEMPT = [""]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apikeys.parsers.BoundedJSONParser"],
    # Bodies read as the systems' documentation prints them: `{"error": "…", "detail": "…"}`.
    "COMPACT_JSON": False,
    # A view that names no authentication of its own lets nobody in.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "apikeys.openapi.schema.AccessTokenSchema",
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Access tokens",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # Its check describes all systems as one API, which nobody is shown: the tests check each.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
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
    "PEPPERS": environment.peppers("PEPPERS"),
    "REQUIRE_HTTPS": HTTPS,
    "TRUSTED_PROXIES": environment.texts("TRUSTED_PROXIES"),
    "LIMITS_STORAGE": environment.redis("REDIS_URL", "memory://"),
    "FLUSH_SECONDS": environment.number("FLUSH_SECONDS", default=10.0),
}

# Only what FastCMS makes of a log-in; it verifies nothing else and lives too briefly to be renewed.
SIMPLE_JWT = {
    "SIGNING_KEY": hashlib.sha256(f"fastcms jwt {SECRET_KEY}".encode()).hexdigest(),
    "ALGORITHM": "HS256",
    "AUTH_HEADER_TYPES": ("Bearer", "bearer", "BEARER"),
}

# Origins of the demo's own pages, which the systems for browsers call first-party.
FIRST_PARTY_ORIGINS = environment.origins(
    "FIRST_PARTY_ORIGINS",
    tuple(f"{'https' if HTTPS else 'http'}://{name}:{PORT}" for name in LOOPBACK_HOSTS),
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
    "filters": {
        "no_trace_of_strangers": {"()": "apikeys.logs.NoTraceOfStrangers"},
        "no_secrets": {"()": "apikeys.pasted.NoSecrets"},
        "few_of_a_kind": {"()": "apikeys.logs.FewOfAKind", "most": 20},
    },
    "formatters": {
        "line": {"format": "{asctime} {levelname} pid={process} {name}: {message}", "style": "{"}
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_trace_of_strangers", "no_secrets", "few_of_a_kind"],
        }
    },
    "root": {"handlers": ["console"], "level": environment.log_level("LOG_LEVEL")},
    "loggers": {
        # Django adds handlers of its own to these two; one line on the console is enough.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # A refused request has its line already, which says why.
        "django.request": {"level": "ERROR"},
    },
}
