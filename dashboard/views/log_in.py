"""Log-in and log-out, for a site that has no pages of its own for them."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from ..form_pages import render_form
from ..forms.log_in import LogInForm
from ..log_ins import log_in_url

FORM: Final = ["GET", "HEAD", "POST"]


class LogIn(LoginView):
    """Django's log-in; 429 when attempts have run out.

    Only for a site that has no other: a session is the whole site's, and a site that asks for more
    than a password, or for none, must not be entered by one here.
    """

    form_class = LogInForm
    template_name = "apikeys_dashboard/log_in.html"
    next_page = "apikeys_dashboard:home"
    redirect_authenticated_user = True

    @method_decorator(login_not_required)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead to the site's own log-in where there is one, and take no password then."""
        elsewhere = log_in_url()
        if elsewhere != reverse("apikeys_dashboard:log-in"):
            if request.method == "POST":
                raise Http404
            return redirect_to_login(self.get_success_url(), elsewhere)
        return super().dispatch(request, *args, **kwargs)

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        """Return where the caller wants to go on, but for this page itself."""
        wanted = super().get_redirect_url(*args, **kwargs)
        here = reverse("apikeys_dashboard:log-in")
        return "" if urlsplit(wanted).path == here else wanted

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Render the page in the dashboard's frame."""
        target = {"next": context[self.redirect_field_name]}
        return render_form(self.request, self.template_name, context["form"], target)


class LogOut(LogoutView):
    """Django's log-out, which leads to where people log in unless the site says where."""

    def get_default_redirect_url(self) -> str:
        """Return where to go on."""
        return resolve_url(settings.LOGOUT_REDIRECT_URL or log_in_url())


urlpatterns = [
    path("log-in", require_http_methods(FORM)(LogIn.as_view()), name="log-in"),
    path("log-out", LogOut.as_view(), name="log-out"),
]
