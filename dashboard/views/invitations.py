"""Invitations: send, resend, withdraw; and the page that the link in the mail opens."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apikeys import urlconfs
from apikeys.models import Invitation, Organization
from apikeys.networks import address_of
from apikeys.services import accounts
from apikeys.services import invitations as services
from apikeys.services.errors import Conflict, ServiceError
from apikeys.services.members import add_member, known_people

from ..access import actor_of, admin_page, recent_password
from ..form_pages import press, render_form, status_of, submit
from ..forms.members import AddKnownForm, InviteForm, SignUpForm
from ..log_ins import log_in_url, log_newcomer_in
from ..pages import render_page

FORM: Final = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
@admin_page
@recent_password
def invite(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Invite somebody by e-mail. The answer is the same whether they have an account."""
    form = InviteForm(request.POST if request.method == "POST" else None, request=request)
    status: int | None = None
    if request.method == "POST":
        status = submit(
            form,
            lambda: _tell(
                request,
                services.invite(
                    actor=actor_of(request),
                    organization=organization,
                    email=form.cleaned_data["email"],
                    role=form.cleaned_data["role"],
                    page_url=_page_url(request),
                ),
                _("An invitation is on its way to %s."),
            ),
        )
        if status is None:
            return redirect("apikeys_dashboard:members", organization.slug)
    return _add_page(request, organization, form, _known_form(request, organization), status)


@require_http_methods(FORM)
@admin_page
@recent_password
def add_known(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Add somebody from another organization that the admin manages."""
    if request.method != "POST":
        return redirect("apikeys_dashboard:member-invite", organization.slug)
    form = _known_form(request, organization, data=request.POST)
    status = submit(
        form,
        lambda: add_member(
            actor=actor_of(request),
            organization=organization,
            user=form.cleaned_data["person"].user,
            role=form.cleaned_data["role"],
        ),
    )
    if status is None:
        name = form.cleaned_data["person"].user.get_username()
        messages.success(request, _("%s was added.") % name)
        return redirect("apikeys_dashboard:members", organization.slug)
    return _add_page(request, organization, InviteForm(request=request), form, status)


def _tell(request: HttpRequest, invitation: Invitation, sent: str) -> None:
    """Say that the mail is on its way, or that it could not be sent."""
    if invitation.mail_failed:
        said = _("The invitation stands, but its mail to %s could not be sent. Resend it later.")
        messages.warning(request, said % invitation.email)
    else:
        messages.success(request, sent % invitation.email)


@require_POST
@admin_page
def resend(
    request: HttpRequest, organization: Organization, public_id: uuid.UUID
) -> HttpResponseBase:
    """Send a new link to the invited address."""
    invitation = _invitation(organization, public_id)
    return press(
        request,
        lambda: _tell(
            request,
            services.resend_invitation(
                actor=actor_of(request), invitation=invitation, page_url=_page_url(request)
            ),
            _("A new link is on its way to %s."),
        ),
        back=redirect("apikeys_dashboard:members", organization.slug),
        heading=_("Send %s a new link") % invitation.email,
        button=_("Resend"),
        asks=True,
    )


@require_POST
@admin_page
def withdraw(
    request: HttpRequest, organization: Organization, public_id: uuid.UUID
) -> HttpResponseBase:
    """Take an invitation back."""
    invitation = _invitation(organization, public_id)
    try:
        services.withdraw_invitation(actor=actor_of(request), invitation=invitation)
    except ServiceError as error:
        messages.warning(request, error.message)
    else:
        said = _("The invitation of %s was withdrawn.")
        messages.success(request, said % invitation.email)
    return redirect("apikeys_dashboard:members", organization.slug)


@login_not_required
@sensitive_post_parameters("password", "again")
@require_http_methods(FORM)
def answer(request: HttpRequest, link: str) -> HttpResponseBase:
    """What the link in the mail opens: accept, sign up, or read why it can't be.

    Opening changes nothing: mail programs and their scanners open links too.
    """
    try:
        invitation = services.read_link(link)
    except ServiceError as error:
        return _refused(request, error)
    if not request.user.is_authenticated:
        return _answer_of_a_stranger(request, link, invitation)
    context = {"invitation": invitation, "inviter": _inviter(invitation)}
    if not accounts.has_address(request.user, invitation.email):
        status = HTTPStatus.FORBIDDEN
        return render_page(
            request, "apikeys_dashboard/invitations/other.html", context, status=status
        )
    if request.method == "POST":
        try:
            services.accept_invitation(actor=actor_of(request), link=link)
        except ServiceError as error:
            return _refused(request, error)
        messages.success(request, _("You are in %s now.") % invitation.organization.name)
        return redirect("apikeys_dashboard:organization", invitation.organization.slug)
    return render_page(request, "apikeys_dashboard/invitations/accept.html", context)


def _answer_of_a_stranger(
    request: HttpRequest, link: str, invitation: Invitation
) -> HttpResponseBase:
    """Ask to log in where the address has an account, else offer to make one."""
    log_in = f"{log_in_url()}?{urlencode({'next': request.path})}"
    context: dict[str, Any] = {
        "invitation": invitation,
        "inviter": _inviter(invitation),
        "log_in": log_in,
    }
    if accounts.exists(invitation.email) or not accounts.can_be_made():
        late = HTTPStatus.CONFLICT if request.method == "POST" else HTTPStatus.OK
        return render_page(
            request, "apikeys_dashboard/invitations/log_in.html", context, status=late
        )
    form = SignUpForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render_form(request, "apikeys_dashboard/invitations/sign_up.html", form, context)
    made: list[Any] = []
    status = submit(
        form,
        lambda: made.append(
            services.sign_up_and_accept(
                link=link,
                password=form.cleaned_data["password"],
                address=address_of(request),
            )
        ),
    )
    if status is not None:
        return render_form(
            request, "apikeys_dashboard/invitations/sign_up.html", form, context, status=status
        )
    # The account is new and its password was just chosen: nothing more to prove.
    logged_in = log_newcomer_in(request, made[0])
    messages.success(request, _("You are in %s now.") % invitation.organization.name)
    if not logged_in:
        return HttpResponseRedirect(log_in_url())
    return redirect("apikeys_dashboard:organization", invitation.organization.slug)


def _refused(request: HttpRequest, error: ServiceError) -> HttpResponseBase:
    """Say what is wrong with the link: 404 when it names nothing, 410 when its time is over."""
    gone = isinstance(error, Conflict) and error.code.startswith("invitation.")
    if gone:
        status: int = HTTPStatus.GONE
    elif error.code == "invitation.unknown":
        status = HTTPStatus.NOT_FOUND
    else:
        status = status_of(error)
    context = {"reason": error.message, "code": error.code}
    return render_page(
        request, "apikeys_dashboard/invitations/refused.html", context, status=status
    )


def _page_url(request: HttpRequest) -> services.PageUrl:
    def page_url(link: str) -> str:
        found = urlconfs.address_of(request, *urlconfs.INVITATION, args=(link,))
        own = reverse("apikeys_dashboard:invitation", args=[link])
        return found or request.build_absolute_uri(own)

    return page_url


def _invitation(organization: Organization, public_id: uuid.UUID) -> Invitation:
    invitation = Invitation.objects.filter(organization=organization, public_id=public_id).first()
    if invitation is None:
        raise Http404
    return invitation


def _inviter(invitation: Invitation) -> str:
    return invitation.inviter if invitation.inviter_kind == "user" else ""


def _known_form(request: HttpRequest, organization: Organization, data: Any = None) -> AddKnownForm:
    people = known_people(actor=actor_of(request), organization=organization)
    return AddKnownForm(data, known=people, request=request, auto_id="known_%s")


def _add_page(
    request: HttpRequest,
    organization: Organization,
    form: InviteForm,
    known: AddKnownForm,
    status: int | None,
) -> HttpResponseBase:
    people = known_people(actor=actor_of(request), organization=organization)
    context = {"known": known, "knows_somebody": people.exists()}
    refused = known if known.is_bound else form
    response = render_form(
        request, "apikeys_dashboard/members/add.html", form, context, status=status
    )
    if retry_after := refused.retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


urlpatterns = [
    path("invitations/<str:link>", answer, name="invitation"),
    path("<slug:organization>/members/invite", invite, name="member-invite"),
    path("<slug:organization>/members/add", add_known, name="member-add"),
    path(
        "<slug:organization>/invitations/<uuid:public_id>/resend", resend, name="invitation-resend"
    ),
    path(
        "<slug:organization>/invitations/<uuid:public_id>/withdraw",
        withdraw,
        name="invitation-withdraw",
    ),
]
