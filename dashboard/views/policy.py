"""Settings of an organization: its name, the policy for all its tokens, its own limits."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apikeys import conf, endpoints
from apikeys.models import Organization
from apikeys.networks import address_of, contains
from apikeys.services import organizations as services
from apikeys.services.authorization import is_operator

from ..access import actor_of, admin_page
from ..form_pages import render_form, submit
from ..forms.limits import LimitsForm, counts
from ..forms.networks import lines, rewritten
from ..forms.policy import PolicyForm
from ..forms.workspaces import NameForm

FORM: Final = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
@admin_page
def settings(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Show and change what holds for all tokens of the organization."""
    form = _policy_form(request, organization, request.POST if request.method == "POST" else None)
    status: int | None = None
    if request.method == "POST":
        status = submit(
            form,
            lambda: services.update_policy(
                actor=actor_of(request),
                organization=organization,
                max_lifetime_days=form.cleaned_data["max_lifetime_days"],
                allowed_networks=form.cleaned_data["allowed_networks"],
            ),
        )
        if status is None:
            messages.success(request, _("The policy was saved."))
            _tell_rewritten(request, form)
            return redirect("apikeys_dashboard:settings", organization.slug)
    return _page(request, organization, form, _name_form(organization), status)


@require_http_methods(FORM)
@admin_page
def name(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Change the organization's name."""
    if request.method != "POST":
        return redirect("apikeys_dashboard:settings", organization.slug)
    form = _name_form(organization, request.POST)
    status = submit(
        form,
        lambda: services.rename_organization(
            actor=actor_of(request), organization=organization, name=form.cleaned_data["name"]
        ),
    )
    if status is None:
        messages.success(request, _("The name was changed."))
        return redirect("apikeys_dashboard:settings", organization.slug)
    return _page(request, organization, _policy_form(request, organization), form, status)


@require_http_methods(FORM)
@admin_page
def limits(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Change the organization's own rates; for the operator's people among its admins."""
    if request.method != "POST":
        return redirect("apikeys_dashboard:settings", organization.slug)
    form = _limits_form(request, organization, request.POST)
    status = submit(
        form,
        lambda: services.update_policy(
            actor=actor_of(request), organization=organization, limits=form.rates
        ),
    )
    if status is None:
        messages.success(request, _("The limits were saved."))
        return redirect("apikeys_dashboard:settings", organization.slug)
    return _page(
        request,
        organization,
        _policy_form(request, organization),
        _name_form(organization),
        status,
        limits_form=form,
    )


def _page(
    request: HttpRequest,
    organization: Organization,
    form: PolicyForm,
    name_form: NameForm,
    status: int | None,
    limits_form: LimitsForm | None = None,
) -> HttpResponseBase:
    networks = organization.allowed_networks
    address = address_of(request)
    spoken = _spoken(organization)
    context = {
        "name_form": name_form,
        "address": address,
        "is_off_list": bool(networks) and not contains(networks, address),
        "limits_form": limits_form or _limits_form(request, organization),
        "limits": _limit_rows(organization),
        "sets_limits": is_operator(request.user),
        "credits": organization.credits if endpoints.has_price(spoken) else None,
    }
    response = render_form(
        request, "apikeys_dashboard/settings/settings.html", form, context, status=status
    )
    if limits_form is not None and limits_form.retry_after:
        response.headers["Retry-After"] = str(limits_form.retry_after)
    return response


def _policy_form(request: HttpRequest, organization: Organization, data: Any = None) -> PolicyForm:
    site = conf.get().max_lifetime
    return PolicyForm(
        data,
        site_days=site.days if site is not None else None,
        request=request,
        address=address_of(request),
        stored=organization.allowed_networks,
        initial={
            "max_lifetime_days": organization.max_lifetime_days,
            "allowed_networks": organization.allowed_networks,
        },
    )


def _spoken(organization: Organization) -> set[str]:
    """Return the names of the dialects that the organization's open workspaces speak."""
    open_ones = organization.workspaces.filter(archived_at__isnull=True)
    return set(open_ones.values_list("dialect", flat=True))


def _limits_form(request: HttpRequest, organization: Organization, data: Any = None) -> LimitsForm:
    declared = endpoints.declared_limits(_spoken(organization))
    return LimitsForm(data, request=request, declared=declared, stored=organization.limits)


def _limit_rows(organization: Organization) -> list[dict[str, Any]]:
    """Return what somebody reads who can't change it: limit, meaning, usual and own rate."""
    return [
        {
            "name": limit.name,
            "counts": counts(limit),
            "usual": limit.rates,
            "own": organization.limits.get(limit.name, ""),
        }
        for limit in endpoints.declared_limits(_spoken(organization))
    ]


def _name_form(organization: Organization, data: Any = None) -> NameForm:
    form = NameForm(data, initial={"name": organization.name}, auto_id="organization_%s")
    form.fields["name"].help_text = (
        _("Addresses keep the short name %s, which never changes.") % organization.slug
    )
    return form


def _tell_rewritten(request: HttpRequest, form: PolicyForm) -> None:
    for written, stored in rewritten(lines(form.data.get("allowed_networks", ""))):
        said = _("%(written)s was saved as %(stored)s.")
        messages.info(request, said % {"written": written, "stored": stored})


urlpatterns = [
    path("<slug:organization>/settings", settings, name="settings"),
    path("<slug:organization>/settings/name", name, name="settings-name"),
    path("<slug:organization>/settings/limits", limits, name="settings-limits"),
]
