"""Hosts with policies for browsers, static files with hashes, other template engines."""

from __future__ import annotations

import re

from tests.hosts.host import Host
from tests.hosts.texts import DOCUMENTED, SPECTACULAR
from tests.hosts.visit import Visit, same


def _static_files(visit: Visit) -> None:
    """Every file is collected, and the pages name those that were."""
    from django.conf import settings
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)
    page = visit.client(visit.alice).get("/dashboard/acme/tokens").content.decode()
    files = re.findall(r'(?:href|src)="/static/([^"]+)"', page)
    assert len(files) >= 3, page[:800]
    for file in files:
        assert re.search(r"\.[0-9a-f]{12}\.", file), file
        assert (settings.STATIC_ROOT / file).exists(), file


def _own_policy(visit: Visit) -> None:
    """Our pages keep their own policy, and the host's pages the host's."""
    for page in ("/dashboard/acme/tokens", "/access/v1/docs"):
        policy = visit.client(visit.alice).get(page).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'"), f"{page}: {policy}"
    policy = visit.client().get("/admin/login/").headers["Content-Security-Policy"]
    assert "host.example" in policy, policy


def _nothing_is_missing(visit: Visit) -> None:
    """No template of ours asks for a variable that is not there."""
    client = visit.client(visit.alice)
    home = "/dashboard/acme"
    pages = ("tokens", "tokens/new", f"tokens/{visit.token.token_id}", "usage", "audit", "members")
    for page in (*pages, "members/invite", "workspaces", "settings"):
        answer = client.get(f"{home}/{page}")
        same(answer.status_code, 200, page)
        assert "MISSING" not in answer.content.decode(), page


STORAGE = """
STATIC_ROOT = BASE_DIR / "collected"
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {{"BACKEND": "{}"}},
}}
"""

HOSTS = [
    Host(
        name="WhiteNoise, compressed and with a manifest",
        settings=STORAGE.format("whitenoise.storage.CompressedManifestStaticFilesStorage")
        + 'MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")\nDEBUG = False\n'
        + 'ALLOWED_HOSTS = ["testserver"]\nAPIKEYS["REQUIRE_HTTPS"] = False\n',
        packages=("whitenoise",),
        tour=(),
        steps=_static_files,
    ),
    Host(
        name="Static files with Django's manifest",
        settings=STORAGE.format("django.contrib.staticfiles.storage.ManifestStaticFilesStorage")
        + 'DEBUG = False\nALLOWED_HOSTS = ["testserver"]\nAPIKEYS["REQUIRE_HTTPS"] = False\n',
        tour=(),
        steps=_static_files,
    ),
    Host(
        name="django-csp, and the documentation",
        settings=DOCUMENTED
        + """
INSTALLED_APPS += ["csp"]
MIDDLEWARE += ["csp.middleware.CSPMiddleware"]
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": ["'self'", "https://host.example"]}}
""",
        packages=("django-csp", *SPECTACULAR),
        steps=_own_policy,
    ),
    Host(
        name="Django's own CSP",
        settings=DOCUMENTED
        + """
MIDDLEWARE += ["django.middleware.csp.ContentSecurityPolicyMiddleware"]
SECURE_CSP = {"default-src": ["'self'", "https://host.example"]}
""",
        packages=SPECTACULAR,
        django="6.0",
        steps=_own_policy,
    ),
    Host(
        name="Jinja2 first, and texts for what templates lack",
        settings="""
TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = "MISSING"
TEMPLATES[0]["OPTIONS"]["debug"] = True
TEMPLATES.insert(
    0, {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True, "DIRS": []}
)
""",
        packages=("Jinja2",),
        steps=_nothing_is_missing,
    ),
]
