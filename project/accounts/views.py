"""Log-in, sign-up and password change; each answers 429 when attempts have run out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from apikeys import dialects, guessing
from apikeys.models import Organization
from apikeys.networks import address_of
from apikeys.services.actors import Actor
from apikeys.services.errors import ServiceError
from apikeys.services.organizations import create_organization
from project.accounts.forms import (
    TAKEN,
    ChangePasswordForm,
    LogInForm,
    SignUpForm,
    too_many_attempts,
)


class _Limited:
    """A form view that answers 429 with `Retry-After` when the form had to wait."""

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if wait := getattr(form, "wait", 0):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(wait)
        return response


class LogInView(_Limited, views.LoginView):
    """Django's log-in."""

    form_class = LogInForm
    redirect_authenticated_user = True


def admin_log_in(request: HttpRequest) -> HttpResponse:
    """The Django admin's log-in, which says how long to wait as the other one does."""
    response: HttpResponse = admin.site.login(request)
    if wait := getattr(request, "log_in_wait", 0):
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(wait)
    return response


class ChangePasswordView(_Limited, views.PasswordChangeView):
    """Django's password change."""

    form_class = ChangePasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


@method_decorator(sensitive_post_parameters(), name="dispatch")
@method_decorator(login_not_required, name="dispatch")
class SignUpView(_Limited, FormView):
    """An account, and the organization that it becomes the first admin of.

    The page tells whether an address has an account; attempts are limited as log-ins are.
    `?api=` names the API that is chosen beforehand; an unknown one chooses none.
    """

    form_class = SignUpForm
    template_name = "registration/sign_up.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return redirect("apikeys_dashboard:home")
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        name = self.request.GET.get("api", "")
        chosen = {"dialect": name} if name in dialects.all_dialects() else {}
        return {**super().get_initial(), **chosen}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if wait := guessing.wait_for_address(request):
            form = self.get_form()
            form.add_error(None, too_many_attempts(wait))
            form.wait = wait
            return self.form_invalid(form)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            user, organization = self._save(form)
        except ServiceError as error:
            form.add_error("organization", error.message)
            return self.form_invalid(form)
        except IntegrityError:
            # Somebody else was faster between the form's look and this.
            form.add_error("email", TAKEN)
            return self.form_invalid(form)
        login(self.request, user)
        return redirect("apikeys_dashboard:organization", organization.slug)

    @transaction.atomic
    def _save(self, form: SignUpForm) -> tuple[Any, Organization]:
        user = form.save()
        address = address_of(self.request)
        organization = create_organization(
            actor=Actor.person(user, address=address),
            name=form.cleaned_data["organization"],
            admin=user,
            dialect=form.cleaned_data["dialect"],
        )
        return user, organization
