"""The password again, before an act that can't be undone or makes a secret."""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apikeys import reauthentication

from ..form_pages import render_form
from ..forms.password import ConfirmForm
from ..log_ins import log_in_required


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@log_in_required
def confirm(request: HttpRequest) -> HttpResponseBase:
    """Ask for the password, then go on to ``next``."""
    target = _target(request)
    if reauthentication.is_recent(request):
        # Not ``redirect``: that takes a word for the name of a view.
        return HttpResponseRedirect(target)
    if page := reauthentication.page_url():
        return redirect_to_login(target, page)
    form = ConfirmForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_valid():
        return HttpResponseRedirect(target)
    return render_form(request, "apikeys_dashboard/confirm.html", form, {"next": target})


def _target(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next", "")
    own = {request.get_host()}
    if url_has_allowed_host_and_scheme(target, own, require_https=request.is_secure()):
        return target
    return reverse("apikeys_dashboard:home")


urlpatterns = [path("confirm", confirm, name="confirm")]
