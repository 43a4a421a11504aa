"""Members of an organization: list, role, removal, leaving."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apikeys.models import AccessToken, Invitation, Membership, Organization
from apikeys.models.organizations import Role
from apikeys.models.tokens import Kind
from apikeys.services import members as services
from apikeys.services.accounts import email_of

from ..access import actor_of, admin_page, member_page, recent_password
from ..form_pages import render_form, submit
from ..forms.members import EndForm, RoleForm
from ..pages import render_page
from . import invitations

PAGE_SIZE: Final = 50
FORM: Final = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Row:
    """One member in the list."""

    person: Any
    email: str
    is_last_admin: bool


@require_safe
@admin_page
def members(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """List the people of the organization and the invitations that wait for an answer."""
    found = (
        Membership.objects.filter(organization=organization)
        .select_related("user")
        .annotate(live_tokens=_live_personal_tokens(organization))
        .order_by("created_at", "pk")
    )
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    admins = Membership.objects.filter(organization=organization).admins().active()
    rows = [Row(person, email_of(person.user), admins == [person]) for person in page.object_list]
    waiting = Invitation.objects.unanswered().filter(organization=organization)
    context = {
        "page": page,
        "rows": rows,
        "previous": f"page={page.previous_page_number()}" if page.has_previous() else "",
        "next": f"page={page.next_page_number()}" if page.has_next() else "",
        "invitations": waiting.with_inviters().order_by("-expires_at", "pk"),
    }
    return render_page(request, "apikeys_dashboard/members/list.html", context)


@require_http_methods(FORM)
@admin_page
@recent_password
def change_role(
    request: HttpRequest, organization: Organization, public_id: uuid.UUID
) -> HttpResponseBase:
    """Make a member an admin, or an admin a member."""
    person = _person(organization, public_id)
    form = RoleForm(_posted(request), request=request, initial={"role": person.role})
    status: int | None = None
    if request.method == "POST":
        status = submit(
            form,
            lambda: services.change_role(
                actor=actor_of(request), membership=person, role=form.cleaned_data["role"]
            ),
        )
        if status is None:
            return _role_changed(request, organization, person, form.cleaned_data["role"])
    context = {
        "person": person,
        "is_last_admin": services.is_last_admin(person),
        "invitations": services.sent_invitations(person),
    }
    return render_form(request, "apikeys_dashboard/members/role.html", form, context, status=status)


@require_http_methods(FORM)
@admin_page
@recent_password
def remove(
    request: HttpRequest, organization: Organization, public_id: uuid.UUID
) -> HttpResponseBase:
    """Show what removing somebody ends, then do it in one transaction."""
    person = _person(organization, public_id)
    if person.user_id == request.user.pk:
        return redirect("apikeys_dashboard:leave", organization.slug)
    form = EndForm(_posted(request), request=request)
    status: int | None = None
    if request.method == "POST":
        actor = actor_of(request)
        status = submit(form, lambda: services.remove_member(actor=actor, membership=person))
        if status is None:
            messages.success(request, _("%s was removed.") % person.user.get_username())
            return redirect("apikeys_dashboard:members", organization.slug)
    context = {"person": person, **_what_ends(person)}
    return render_form(
        request, "apikeys_dashboard/members/remove.html", form, context, status=status
    )


@require_http_methods(FORM)
@member_page
@recent_password
def leave(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Show what leaving ends, then leave."""
    person: Membership = request.membership  # type: ignore[attr-defined]
    form = EndForm(_posted(request), request=request)
    status: int | None = None
    if request.method == "POST":
        actor = actor_of(request)
        status = submit(
            form, lambda: services.leave_organization(actor=actor, organization=organization)
        )
        if status is None:
            messages.success(request, _("You have left %s.") % organization.name)
            return redirect("apikeys_dashboard:home")
    context = {"person": person, **_what_ends(person)}
    return render_form(
        request, "apikeys_dashboard/members/leave.html", form, context, status=status
    )


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _person(organization: Organization, public_id: uuid.UUID) -> Membership:
    person = (
        Membership.objects.select_related("user", "organization")
        .filter(organization=organization, public_id=public_id)
        .first()
    )
    if person is None:
        raise Http404
    return person


def _role_changed(
    request: HttpRequest, organization: Organization, person: Membership, role: str
) -> HttpResponseBase:
    name = person.user.get_username()
    said = _("%s is an admin now.") if role == Role.ADMIN else _("%s is a member now.")
    messages.success(request, said % name)
    if person.user_id == request.user.pk and role != Role.ADMIN:
        return redirect("apikeys_dashboard:organization", organization.slug)
    return redirect("apikeys_dashboard:members", organization.slug)


def _what_ends(person: Membership) -> dict[str, Any]:
    """Return the facts for a page that asks whether a membership is to end."""
    live = services.personal_tokens(person).live()
    kept = AccessToken.objects.in_organization(person.organization).live()
    return {
        "is_last_admin": services.is_last_admin(person),
        "tokens": live.select_related("workspace").order_by("workspace__slug", "name"),
        "kept": kept.filter(kind=Kind.AUTOMATION, created_by=person.user).count(),
        "invitations": services.sent_invitations(person),
    }


def _live_personal_tokens(organization: Organization) -> Count:
    tokens = "user__access_tokens"
    return Count(
        tokens,
        filter=Q(
            **{
                f"{tokens}__workspace__organization": organization,
                f"{tokens}__kind": Kind.PERSONAL,
                f"{tokens}__revoked_at__isnull": True,
            }
        )
        & (
            Q(**{f"{tokens}__expires_at__isnull": True})
            | Q(**{f"{tokens}__expires_at__gt": timezone.now()})
        ),
    )


urlpatterns = [
    *invitations.urlpatterns,
    path("<slug:organization>/members", members, name="members"),
    path("<slug:organization>/members/<uuid:public_id>/role", change_role, name="member-role"),
    path("<slug:organization>/members/<uuid:public_id>/remove", remove, name="member-remove"),
    path("<slug:organization>/leave", leave, name="leave"),
]
