"""Log-in page; the other account pages are Django's own views."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse

from project.accounts.forms import LogInForm


class LogInView(LoginView):
    """Django's log-in, answering 429 with `Retry-After` when attempts have run out."""

    form_class = LogInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if isinstance(form, LogInForm) and form.wait:
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(form.wait)
        return response
