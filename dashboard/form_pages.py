"""A form, its change and the page that answers: the part that is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from apikeys.services.errors import Conflict, NotAllowed, ServiceError
from apikeys.services.widening import PASSWORD_REQUIRED

from .forms.errors import add_service_error
from .forms.password import ActForm, AskedActForm, PasswordIfWideningMixin
from .pages import render_page


def submit(
    form: BaseForm,
    change: Callable[[], object],
    *,
    refuse: Callable[[ServiceError], None] | None = None,
) -> int | None:
    """Make the change when the form is valid.

    Args:
        form: a bound form; it carries every refusal afterwards.
        change: calls the service with the form's cleaned data.
        refuse: puts what the service refused on the form; on the field it concerns, or above the
            form, when not given.

    Returns:
        None when the change was made, else the HTTP status of the page with the form. A change
        that widens comes back with a field for the password, where the form is made for it.
    """
    if not form.is_valid():
        limited = getattr(form, "retry_after", 0)
        return HTTPStatus.TOO_MANY_REQUESTS if limited else HTTPStatus.OK
    try:
        change()
    except ServiceError as error:
        if error.code == PASSWORD_REQUIRED and isinstance(form, PasswordIfWideningMixin):
            form.ask_again()
            return HTTPStatus.OK
        if refuse is None:
            add_service_error(form, error)
        else:
            refuse(error)
        return status_of(error)
    return None


def status_of(error: ServiceError) -> int:
    """Return the HTTP status of a page that shows the refusal; a page with a form stays 200."""
    if isinstance(error, NotAllowed):
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.CONFLICT if isinstance(error, Conflict) else HTTPStatus.OK


def render_form(
    request: HttpRequest,
    template: str,
    form: BaseForm,
    context: dict[str, Any] | None = None,
    *,
    status: int | None = None,
) -> HttpResponse:
    """Render a page around ``form``; says when to try again where attempts have run out.

    Args:
        request: the request.
        template: the page.
        form: is ``form`` in it.
        context: the page's own variables.
        status: what ``submit`` said; not given, 429 where attempts have run out, else 200.
    """
    retry_after = getattr(form, "retry_after", 0)
    if status is None:
        status = HTTPStatus.TOO_MANY_REQUESTS if retry_after else HTTPStatus.OK
    response = render_page(request, template, {"form": form, **(context or {})}, status=status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def press(
    request: HttpRequest,
    change: Callable[[], object],
    *,
    back: HttpResponseRedirect,
    done: str = "",
    heading: str = "",
    button: str = "",
    asks: bool = False,
) -> HttpResponse:
    """Answer a button that stands alone: act and go back, or ask for the password on a page.

    Args:
        request: the POST.
        change: calls the service.
        back: the page the button stands on.
        done: what is said afterwards, unless the change says it.
        heading: what the page that asks is about; needed where the change can widen.
        button: what its button is called; the same.
        asks: whether it asks whatever it does; else the service decides by what it does.
    """
    form = (AskedActForm if asks else ActForm)(request.POST, request=request)
    status = submit(form, change)
    if status is None:
        if done:
            messages.success(request, done)
        return back
    if form.asks_for_password:
        context = {"heading": heading, "button": button, "back": back.url}
        return render_form(request, "apikeys_dashboard/again.html", form, context, status=status)
    for error in form.non_field_errors():
        messages.error(request, str(error))
    return back
