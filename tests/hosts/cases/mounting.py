"""Hosts that put the management API and the pages somewhere else: docs/mounting.md."""

from __future__ import annotations

import re
from typing import Any

from tests.hosts.host import Host
from tests.hosts.texts import (
    ACCESS,
    ADMIN,
    API,
    DOCUMENTED,
    LANGUAGES,
    NOTES,
    PAGES,
    SPECTACULAR,
    urls,
)
from tests.hosts.visit import Visit, same

BY_PATH = """
def by_path(get_response):
    def choose(request):
        if request.path_info.startswith("/keys/"):
            request.urlconf = "mysite.api_urls"
        return get_response(request)

    return choose
"""


def _snippet(visit: Visit, page: str, **environment: Any) -> str:
    """Return the one address that the calls on the page of a token name."""
    client = visit.client(visit.alice)
    response = client.get(f"{page}/acme/tokens/{visit.token.token_id}", **environment)
    same(response.status_code, 200, page)
    codes = "".join(re.findall(r"(?s)<pre[^>]*><code>(.*?)</code>", response.content.decode()))
    [found] = set(re.findall(r"https?://[^\s\\&]+", codes))
    return str(found)


def _answers(visit: Visit, path: str, **environment: Any) -> None:
    same(visit.get(path, visit.key, **environment).status_code, 200, path)
    same(visit.get(path, **environment).status_code, 401, f"{path} without a key")


def _another_prefix(visit: Visit) -> None:
    same(visit.check(), [], "checks")
    same(_snippet(visit, "/people/keys"), "http://testserver/keys/api/v1/token")
    _answers(visit, "/keys/api/v1/token")
    document = visit.client().get("/keys/api/v1/schema").json()
    assert "/keys/api/v1/token" in document["paths"]
    same(list(visit.client().get("/keys/api/v1/schema/default").json()["paths"]), ["/notes"])
    found = visit.client().get("/keys/api/v1/postman/management.json").json()
    same(found["variable"][0]["value"], "http://testserver")


def _another_urlconf(visit: Visit) -> None:
    same(visit.check(), [], "checks")
    same(_snippet(visit, "/dashboard"), "http://testserver/keys/v1/token")
    _answers(visit, "/keys/v1/token")
    same(list(visit.client().get("/keys/v1/schema/default").json()["paths"]), ["/notes"])


def _of_hosts(visit: Visit) -> None:
    from django.core import mail

    same([each for each in visit.check() if each.startswith("apikeys")], [], "checks")
    api, app = {"HTTP_HOST": "api.example.org"}, {"HTTP_HOST": "app.example.org"}
    same(_snippet(visit, "/dashboard", **app), "http://api.example.org/keys/v1/token")
    _answers(visit, "/keys/v1/token", **api)
    _answers(visit, "/notes", **api)
    same(visit.get("/notes", visit.key, **app).status_code, 404, "on the host of the pages")
    document = visit.client().get("/keys/v1/schema/default", **api).json()
    same(list(document["paths"]), ["/notes"])
    answer = visit.client(visit.alice).post(
        "/keys/v1/organizations/acme/invitations",
        {"email": "dave@example.org", "role": "member"},
        content_type="application/json",
        **api,
    )
    same(answer.status_code, 201, repr(answer.content))
    [link] = re.findall(r"http://\S+", mail.outbox[-1].body)
    assert link.startswith("http://app.example.org/dashboard/invitations/"), link
    opened = visit.client().get(link.removeprefix("http://app.example.org"), **app)
    same(opened.status_code, 200, "the page of the link")


def _below_a_prefix(visit: Visit) -> None:
    same(_snippet(visit, "/dashboard"), "http://testserver/app/access/v1/token")
    _answers(visit, "/access/v1/token")
    same(visit.client().get("/access/v1/schema").json()["servers"], [{"url": "/app"}])
    page = visit.client(visit.alice).get("/dashboard/acme/tokens").content.decode()
    links = [each for each in re.findall(r'href="([^"#?]+)', page) if each[0] == "/"]
    assert len(links) > 10
    same([each for each in links if not each.startswith("/app/")], [], "links outside")


def _with_languages(visit: Visit) -> None:
    same(visit.check(), [], "checks")
    for language in ("de", "en"):
        address = f"/{language}/access/v1/token"
        same(_snippet(visit, f"/{language}/dashboard"), f"http://testserver{address}")
        _answers(visit, address)
        assert address in visit.client().get(f"/{language}/access/v1/schema").json()["paths"]


def _nested(visit: Visit) -> None:
    same(visit.check(), [], "checks")
    same(_snippet(visit, "/dashboard"), "http://testserver/v2/keys/v1/token")
    _answers(visit, "/v2/keys/v1/token")
    page = visit.client().get("/v2/keys/v1/docs").content.decode()
    assert 'href="/v2/keys/v1/schema"' in page


HOSTS = [
    Host(
        name="Another prefix",
        settings=DOCUMENTED,
        files={
            "mysite/urls.py": urls(
                ADMIN,
                f'path("keys/api/", {API})',
                'path("people/keys/", include("dashboard.urls"))',
                NOTES,
            )
        },
        packages=SPECTACULAR,
        tour=("view", "errors"),
        steps=_another_prefix,
    ),
    Host(
        name="Another URLconf for the API",
        settings=DOCUMENTED
        + 'APIKEYS["URLCONFS"] = {"mysite.api_urls": ""}\n'
        + 'MIDDLEWARE = ["mysite.choosing.by_path", *MIDDLEWARE]\n',
        files={
            "mysite/urls.py": urls(ADMIN, PAGES, NOTES),
            "mysite/api_urls.py": urls(f'path("keys/", {API})'),
            "mysite/choosing.py": BY_PATH,
        },
        packages=SPECTACULAR,
        tour=("view", "errors", "pages"),
        steps=_another_urlconf,
    ),
    Host(
        name="django-hosts",
        settings=DOCUMENTED
        + """
INSTALLED_APPS += ["django_hosts"]
MIDDLEWARE = [
    "django_hosts.middleware.HostsRequestMiddleware",
    *MIDDLEWARE,
    "django_hosts.middleware.HostsResponseMiddleware",
]
ROOT_HOSTCONF, DEFAULT_HOST, PARENT_HOST = "mysite.hosts", "www", "example.org"
ROOT_URLCONF = "mysite.www_urls"
ALLOWED_HOSTS = [".example.org"]
LOGIN_URL = "/admin/login/"
""",
        files={
            "mysite/hosts.py": """
from django_hosts import host, patterns

host_patterns = patterns(
    "mysite",
    host("api", "api_urls", name="api"),
    host("app", "app_urls", name="app"),
    host("www", "www_urls", name="www"),
    host(r"(?P<tenant>\\w+)", "www_urls", name="tenant"),
)
""",
            "mysite/api_urls.py": urls(f'path("keys/", {API})', NOTES),
            "mysite/app_urls.py": urls(ADMIN, PAGES),
            "mysite/www_urls.py": urls(),
        },
        packages=("django-hosts", *SPECTACULAR),
        tour=(),
        steps=_of_hosts,
    ),
    Host(
        name="FORCE_SCRIPT_NAME",
        settings=DOCUMENTED + 'FORCE_SCRIPT_NAME = "/app"\n',
        packages=SPECTACULAR,
        steps=_below_a_prefix,
    ),
    Host(
        name="i18n_patterns",
        settings=DOCUMENTED + LANGUAGES,
        files={
            "mysite/urls.py": urls(
                NOTES,
                f"*i18n_patterns({ADMIN}, {ACCESS}, {PAGES})",
                before="from django.conf.urls.i18n import i18n_patterns\n",
            )
        },
        packages=SPECTACULAR,
        tour=("view", "errors"),
        steps=_with_languages,
    ),
    Host(
        name="The API inside a namespace",
        settings=DOCUMENTED,
        files={
            "mysite/urls.py": urls(
                ADMIN,
                PAGES,
                NOTES,
                f'path("v2/", include(([path("keys/", {API})], "mysite"), namespace="v2"))',
            )
        },
        packages=SPECTACULAR,
        tour=("view", "errors", "pages"),
        steps=_nested,
    ),
]
