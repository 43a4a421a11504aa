"""Where secrets are shown: generating and rotating a token.

The secret leaves in the body of the answer to the POST that made it, as a page or as the ``.env``
file itself, and is kept nowhere. A repeated POST makes nothing and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from apikeys import networks
from apikeys.models import AccessToken, Organization, SecretIssue, Workspace
from apikeys.models.tokens import Kind
from apikeys.networks import parse_network
from apikeys.services import validation
from apikeys.services.errors import AlreadyIssued, ServiceError
from apikeys.services.obstacles import conflict
from apikeys.services.tokens import IssuedToken, create_token, rotate_token

from ...access import actor_of, admin_page, recent_password
from ...form_pages import render_form, submit
from ...forms.networks import lines, rewritten
from ...forms.tokens import GenerateForm, RotateForm
from ...pages import protect, render_page
from ...permissions import summary
from ...snippets import env_file_name
from .shared import snippets_for, token_or_404

FORM_METHODS: Final = ("GET", "HEAD", "POST")
# The two codes of a creation id that was used before; a preset expiry makes a repeat differ.
REPEATED: Final = frozenset({"creation_id.used", "creation_id.reused"})


@admin_page
@recent_password
@require_http_methods(FORM_METHODS)
def generate(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Ask what the token shall be; make it and show its secret."""
    form = _generate_form(request, organization)
    made = _made_once(
        request, organization, form, lambda: _create(request, form), refuse=form.refuse
    )
    if made is not None:
        return made
    context = {
        "address": networks.address_of(request),
        "policy_networks": organization.allowed_networks,
    }
    return render_form(request, "apikeys_dashboard/tokens/generate.html", form, context)


@admin_page
@recent_password
@require_http_methods(FORM_METHODS)
def rotate(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Ask how long the present secret keeps working; make a new one and show it."""
    token = token_or_404(organization, token_id)
    posted = request.POST if request.method == "POST" else None
    form = RotateForm(posted, token=token, request=request)
    made = _made_once(
        request,
        organization,
        form,
        lambda: _rotate(request, token, form),
        refuse=lambda error: form.refuse(error, token_or_404(organization, token_id)),
    )
    if made is not None:
        return made
    if posted is not None:
        token = token_or_404(organization, token_id)
    code = token.rotation_refused()
    context = {"token": token, "refused": conflict(code) if code else None}
    return render_form(request, "apikeys_dashboard/tokens/rotate.html", form, context)


def _generate_form(request: HttpRequest, organization: Organization) -> GenerateForm:
    workspaces = list(
        Workspace.objects.filter(organization=organization, archived_at__isnull=True)
        .select_related("organization")
        .order_by("slug")
    )
    wanted = request.GET.get("workspace", "")
    return GenerateForm(
        request.POST if request.method == "POST" else None,
        request=request,
        workspaces=workspaces,
        workspace=next((each for each in workspaces if each.slug == wanted), None),
        longest=validation.longest_lifetime(organization),
    )


def _made_once(
    request: HttpRequest,
    organization: Organization,
    form: GenerateForm | RotateForm,
    make: Callable[[], HttpResponse],
    *,
    refuse: Callable[[ServiceError], None],
) -> HttpResponse | None:
    """Return the answer with the secret, or the one to a repeat; None when there is only the form.

    Args:
        request, organization, form: as of the page; the form need not be bound.
        make: calls the service and shows the secret.
        refuse: as of ``submit``.
    """
    answers: list[HttpResponse] = []

    def change() -> None:
        try:
            answers.append(make())
        except ServiceError as error:
            if error.code not in REPEATED:
                raise
            answers.append(_already_issued(request, organization, error, form))

    submit(form, change, refuse=refuse)
    return answers[0] if answers else None


@sensitive_variables("issued")
def _create(request: HttpRequest, form: GenerateForm) -> HttpResponse:
    values = form.values()
    owner = request.user if values["kind"] == Kind.PERSONAL else None
    issued = create_token(actor=actor_of(request), owner=owner, **values)
    notes = [
        (line, text)
        for line, text in rewritten(lines(form.data.get("allowed_networks", "")))
        if parse_network(line).normalised
    ]
    return _shown_once(request, issued, {"rewritten": notes})


@sensitive_variables("issued")
def _rotate(request: HttpRequest, token: AccessToken, form: RotateForm) -> HttpResponse:
    issued = rotate_token(
        actor=actor_of(request),
        token=token,
        overlap=form.cleaned_data["overlap"],
        creation_id=form.cleaned_data["creation_id"],
        **form.cleaned_data["seen"],
    )
    return _shown_once(request, issued, {"rotated": True})


@sensitive_variables()
def _shown_once(
    request: HttpRequest, issued: IssuedToken, context: Mapping[str, Any]
) -> HttpResponse:
    """Answer with the secret: the file when the second button was pressed, else the page."""
    token = issued.token
    dialect = token.workspace.speaks
    env = dialect.env_file(token_id=token.token_id, secret=issued.secret, key=issued.api_key)
    name = env_file_name(token.token_id)
    if request.POST.get("answer") == "env":
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return protect(HttpResponse(env, content_type="text/plain; charset=utf-8", headers=headers))
    names = dialect.env_names
    page = {
        "token": token,
        "permissions": summary(dialect, token.scopes),
        "secret": _Rendered(issued.secret if names.secret or not names.api_key else ""),
        "api_key": _Rendered(issued.api_key if names.api_key else ""),
        "env_url": _Rendered(f"data:text/plain;charset=utf-8,{quote(env)}"),
        "env_file": name,
        "snippets": snippets_for(request, token),
        **context,
    }
    return render_page(request, "apikeys_dashboard/tokens/issued.html", page)


class _Rendered:
    """A text that templates render, and that whoever keeps their contexts sees nothing of."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)


def _already_issued(
    request: HttpRequest,
    organization: Organization,
    error: ServiceError,
    form: GenerateForm | RotateForm,
) -> HttpResponse:
    made = (
        SecretIssue.objects.filter(
            organization=organization, creation_id=form.cleaned_data["creation_id"]
        )
        .select_related("token")
        .first()
    )
    context = {"token": made.token if made else None, "same": isinstance(error, AlreadyIssued)}
    return render_page(request, "apikeys_dashboard/tokens/already_issued.html", context, status=409)
