"""Who may open a page: log-in first, then 404 for outsiders, then 403 for members.

Decides from the database on every request; templates only hide what is refused here anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from apikeys import networks, reauthentication
from apikeys.models import Membership, Organization, Workspace, people
from apikeys.services.actors import Actor

from .log_ins import log_in_required
from .pages import memberships_of, render_page

View = Callable[..., HttpResponseBase]


def member_page(view: View) -> View:
    """Open to every member; calls ``view(request, organization, ...)``.

    The URL's ``organization`` is a slug. ``request.membership`` is the person's membership.
    """

    @sensitive_post_parameters("password")
    @log_in_required
    @wraps(view)
    def check(request: HttpRequest, organization: str, **kwargs: Any) -> HttpResponseBase:
        if any("\x00" in text for _, texts in request.GET.lists() for text in texts):
            raise Http404  # PostgreSQL can't even look for such a text
        memberships = memberships_of(request)
        membership = next((m for m in memberships if m.organization.slug == organization), None)
        if membership is None:
            raise Http404
        request.membership = membership  # type: ignore[attr-defined]
        return view(request, membership.organization, **kwargs)

    return check


def admin_page(view: View) -> View:
    """Open to admins; members get a 403 page that says who the admins are."""

    @wraps(view)
    def check(request: HttpRequest, organization: Organization, **kwargs: Any) -> HttpResponseBase:
        if not request.membership.is_admin:  # type: ignore[attr-defined]
            context = {"admins": admins_of(organization)}
            return render_page(request, "apikeys_dashboard/members_only.html", context, status=403)
        return view(request, organization, **kwargs)

    return member_page(check)


def recent_password(view: View) -> View:
    """Ask for the password before the form is shown, when its last check is too old.

    Put it under ``admin_page``, so that access is decided first. A POST passes: its form is a
    ``PasswordAgainMixin`` and asks itself, so nothing that was typed is lost.
    """

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") and not reauthentication.is_recent(request):
            page = reauthentication.page_url() or reverse("apikeys_dashboard:confirm")
            return redirect_to_login(request.get_full_path(), page)
        return view(request, *args, **kwargs)

    return check


def admins_of(organization: Organization) -> list[str]:
    """Return how the organization's active admins are called."""
    admins = Membership.objects.filter(organization=organization).admins().active()
    return [people.display_name(one.user) for one in admins]


def chosen_workspace(request: HttpRequest, organization: Organization) -> Workspace | None:
    """Return the workspace that ``?workspace=`` names, None for all of them.

    Raises:
        Http404: the organization has no such workspace.
    """
    slug = request.GET.get("workspace", "")
    if not slug:
        return None
    workspace = Workspace.objects.filter(organization=organization, slug=slug).first()
    if workspace is None:
        raise Http404
    return workspace


def actor_of(request: HttpRequest) -> Actor:
    """Return the person who sent this request, for the services."""
    return Actor.person(
        request.user,
        address=networks.address_of(request),
        password_recent=reauthentication.is_recent(request),
    )
