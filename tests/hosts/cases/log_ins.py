"""Log-ins of other packages: backends in any order, second factors, a proxy that knows who."""

from __future__ import annotations

from typing import Any

from tests.hosts import people
from tests.hosts.host import Host
from tests.hosts.texts import ROUTES, urls
from tests.hosts.visit import Visit, same

AXES = """
INSTALLED_APPS += ["axes"]
MIDDLEWARE += ["axes.middleware.AxesMiddleware"]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "apikeys.backends.SlowedModelBackend",
]
AXES_FAILURE_LIMIT = 3
AXES_RESET_ON_SUCCESS = True
"""
RULES = """
INSTALLED_APPS += ["rules"]
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
]
"""
GUARDIAN = """
INSTALLED_APPS += ["guardian"]
AUTHENTICATION_BACKENDS = [
    "guardian.backends.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
]
"""
REMOTE = """
MIDDLEWARE.insert(
    MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1,
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
)
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
"""
EVERY_VIEW = """
MIDDLEWARE.insert(
    MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1,
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
)
"""
ALLAUTH = """
INSTALLED_APPS += ["allauth", "allauth.account", "allauth.mfa"]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
"""
ALLAUTH_URLS = urls('path("accounts/", include("allauth.urls"))', *ROUTES)
BY_ADDRESS = (
    ALLAUTH
    + """
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
"""
)
ITS_OWN_PAGE = (
    ALLAUTH
    + """
APIKEYS["REAUTHENTICATE_URL"] = "account_reauthenticate"
APIKEYS["REAUTHENTICATED_AT"] = "mysite.confirmed.at"
"""
)
TWO_FACTOR = """
INSTALLED_APPS += [
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "two_factor",
]
MIDDLEWARE.insert(
    MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1,
    "django_otp.middleware.OTPMiddleware",
)
LOGIN_URL = "two_factor:login"
"""
TWO_FACTOR_URLS = urls(
    'path("", include(two_factor))',
    *ROUTES,
    before="from two_factor.urls import urlpatterns as two_factor\n",
)
LAPSED = "apikeys_password_checked_at"


def lapse(client: Any) -> None:
    """Have the session's last check lie further back than it may."""
    session = client.session
    session[LAPSED] = session[LAPSED] - 3600
    session.save()


def _confirms(visit: Visit, client: Any) -> None:
    """A session whose check has lapsed confirms by password, and goes on."""
    page = "/dashboard/acme/tokens/new"
    same(client.get(page).status_code, 200, "before it lapses")
    lapse(client)
    asked = client.get(page).headers["Location"]
    same(asked, f"/dashboard/confirm?next={page}", "after")
    same(client.post(asked, {"password": "wrong"}).status_code, 200, "a wrong password")
    right = client.post(asked, {"password": people.PASSWORD})
    said = right.content.decode().partition("form-errors")[2].strip()[:300]
    same((right.status_code, right.headers.get("Location")), (302, page), said)
    same(client.get(page).status_code, 200, "when it is confirmed")


def _beside_backends(visit: Visit) -> None:
    people.sign_up(visit)
    people.log_in(visit)
    client = visit.client()
    form = {"username": "alice", "password": people.PASSWORD}
    same(client.post("/dashboard/log-in", form).status_code, 302, "alice logs in")
    _confirms(visit, client)


def _locked_by_axes(visit: Visit) -> None:
    _beside_backends(visit)
    thief = visit.client()
    wrong = {"username": "bob", "password": "wrong"}
    answers = [
        thief.post("/dashboard/log-in", wrong, REMOTE_ADDR="192.0.2.9").status_code
        for _ in range(4)
    ]
    same(answers, [200, 200, 429, 429], "three wrong passwords and one more")
    same(visit.get("/notes", visit.key).status_code, 200, "a key of the same address")


def _by_proxy(visit: Visit) -> None:
    """The proxy says who it is; a check that has lapsed is renewed by a log-in alone."""
    client = visit.client()
    known = {"REMOTE_USER": "alice"}
    same(client.get("/dashboard/acme/tokens", **known).status_code, 200, "alice by her proxy")
    lapse(client)
    asked = client.get("/dashboard/acme/tokens/new", **known).headers["Location"]
    assert asked.startswith("/dashboard/confirm"), asked
    same(client.post(asked, {"password": people.PASSWORD}, **known).status_code, 200, "no password")
    out = client.post("/dashboard/log-out", **known)
    same(out.status_code, 302, "log-out")
    same(client.get("/dashboard/acme/tokens/new", **known).status_code, 200, "after a new log-in")
    people.sign_up(visit)


def _by_allauth(visit: Visit) -> None:
    _log_in_by_allauth(visit, "login", "alice")
    people.sign_up(visit)


def _by_address(visit: Visit) -> None:
    _log_in_by_allauth(visit, "login", "alice@example.org")
    people.sign_up(visit)


def _log_in_by_allauth(visit: Visit, field: str, name: str) -> Any:
    client = visit.client()
    start = client.get("/dashboard/acme/tokens")
    same(start.headers["Location"], "/accounts/login/?next=/dashboard/acme/tokens", "the way in")
    response = client.post(start.headers["Location"], {field: name, "password": people.PASSWORD})
    same(response.headers.get("Location"), "/dashboard/acme/tokens", repr(response.content[-900:]))
    page = client.get("/dashboard/acme/tokens")
    assert 'action="/accounts/logout/"' in page.content.decode(), "no Log out"
    _confirms(visit, client)
    return client


def _by_its_own_page(visit: Visit) -> None:
    """Asked once: allauth's page counts for ours, and ours is shown no more."""
    client = visit.client()
    form = {"login": "alice", "password": people.PASSWORD}
    client.post("/accounts/login/", form)
    page = "/dashboard/acme/tokens/new"
    same(client.get(page).status_code, 200, "just logged in")
    lapse(client)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    asked = client.get(page).headers["Location"]
    same(asked, f"/accounts/reauthenticate/?next={page}", "after an hour")
    through = client.get(f"/dashboard/confirm?next={page}").headers["Location"]
    same(through, asked, "our own page")
    _lapsed_form(client)
    same(client.post(asked, {"password": "wrong"}).status_code, 200, "a wrong password")
    same(client.get(page).status_code, 302, "after a wrong password")
    same(client.post(asked, {"password": people.PASSWORD}).headers.get("Location"), page, "back")
    same(client.get(page).status_code, 200, "when allauth has confirmed her")


def _lapsed_form(client: Any) -> None:
    invite = "/dashboard/acme/members/invite"
    response = client.post(invite, {"email": "dora@example.org", "role": "member"})
    text = response.content.decode()
    same(response.status_code, 200, "a form that has waited too long")
    assert '<a href="/accounts/reauthenticate/" target="_blank">' in text, text[-1500:]
    assert 'value="dora@example.org"' in text, "what was typed is lost"


def _with_totp(visit: Visit) -> None:
    """A code from a device that is really enrolled, after the password."""
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    device = TOTPDevice.objects.create(user=visit.alice, name="default", confirmed=True)
    client = visit.client()
    start = client.get("/dashboard/acme/tokens").headers["Location"]
    same(start, "/account/login/?next=/dashboard/acme/tokens", "the way in")
    step = {"login_view-current_step": "auth", "auth-username": "alice"}
    asked = client.post(start, {**step, "auth-password": people.PASSWORD})
    same(asked.status_code, 200, repr(asked.content[-900:]))
    same(client.get("/dashboard/acme/tokens").status_code, 302, "with the password alone")
    code = {"login_view-current_step": "token", "token-otp_token": f"{totp(device.bin_key):06}"}
    done = client.post(start, code)
    same(done.headers.get("Location"), "/dashboard/acme/tokens", repr(done.content[-900:]))
    page = client.get("/dashboard/acme/tokens")
    same(page.status_code, 200, "with the code")
    _confirms(visit, client)
    same(client.post("/dashboard/log-out").status_code, 302, "log-out")
    same(client.get("/dashboard/acme/tokens").status_code, 302, "after it")
    people.sign_up(visit)


def _when_every_view_wants_a_log_in(visit: Visit) -> None:
    people.sign_up(visit)
    people.log_in(visit)


HOSTS = [
    Host(name="django-axes first", settings=AXES, packages=("django-axes",), steps=_locked_by_axes),
    Host(name="rules' backend first", settings=RULES, packages=("rules",), steps=_beside_backends),
    Host(
        name="guardian's backend first",
        settings=GUARDIAN,
        packages=("django-guardian",),
        steps=_beside_backends,
    ),
    Host(name="RemoteUserBackend alone", settings=REMOTE, steps=_by_proxy),
    Host(
        name="LoginRequiredMiddleware", settings=EVERY_VIEW, steps=_when_every_view_wants_a_log_in
    ),
    Host(
        name="allauth by log-in name",
        settings=ALLAUTH,
        files={"mysite/urls.py": ALLAUTH_URLS},
        packages=("django-allauth",),
        steps=_by_allauth,
    ),
    Host(
        name="allauth by address",
        settings=BY_ADDRESS,
        files={"mysite/urls.py": ALLAUTH_URLS},
        packages=("django-allauth",),
        steps=_by_address,
    ),
    Host(
        name="allauth's own page to confirm",
        settings=ITS_OWN_PAGE,
        files={
            "mysite/urls.py": ALLAUTH_URLS,
            "mysite/confirmed.py": people.recipe("mysite/confirmed.py"),
        },
        packages=("django-allauth",),
        steps=_by_its_own_page,
    ),
    Host(
        name="two-factor with a TOTP device",
        settings=TWO_FACTOR,
        files={"mysite/urls.py": TWO_FACTOR_URLS},
        packages=("django-two-factor-auth", "django-otp"),
        steps=_with_totp,
    ),
]
