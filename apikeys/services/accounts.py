"""The host's accounts as far as invitations need them: find one by address, compare, make one.

Works with any user model through ``get_user_model()``, its ``USERNAME_FIELD`` and its e-mail field;
stays silent about which account has an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model, password_validation
from django.core.exceptions import NON_FIELD_ERRORS, FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apikeys import emails
from apikeys.languages import speaking
from apikeys.models import people
from apikeys.services.errors import Conflict, Invalid
from apikeys.services.transactions import savepoint


def email_of(user: Any) -> str:
    """Return the account's address, empty when it has none."""
    email = str(getattr(user, user.get_email_field_name(), "") or "")
    name = str(user.get_username())
    return email or (name if "@" in name else "")


def has_address(user: Any, email: str) -> bool:
    """Whether the account's address is this one, the case of A to Z aside.

    Other letters must be equal: some, such as the Kelvin sign, fall together with an ASCII one
    when lowered, and would let a look-alike in.
    """
    return emails.same(email_of(user), email)


def is_called(user: Any, name: str) -> bool:
    """Whether the name is the account's log-in name or address, as ``emails.same`` has it."""
    return emails.same(str(user.get_username()), name) or has_address(user, name)


def having(email: str, prefix: str = "") -> Q:
    """Return the condition that an account may have the address; ``is_called`` tells who has it.

    Databases ignore the case of letters beyond ASCII each in its own way, so look-alikes are found
    as well.

    Args:
        email: the address.
        prefix: the path from the queried model to the user, such as ``user__``.
    """
    model = get_user_model()
    condition = Q(pk__in=())
    for name in sorted({model.USERNAME_FIELD, model.get_email_field_name()}):
        if not _is_text(name):
            continue
        for form in emails.forms(email):
            condition |= Q(**{f"{prefix}{name}__iexact": form})
    return condition


def named(name: str, prefix: str = "") -> Q:
    """Return the condition that an account may have the log-in name, as ``having``.

    Args:
        name: the log-in name.
        prefix: as ``having``.
    """
    field = get_user_model().USERNAME_FIELD
    if _is_text(field):
        return Q(**{f"{prefix}{field}__iexact": name})
    user = people.called(name)
    return Q(**{f"{prefix}pk": user.pk}) if user is not None else Q(pk__in=())


def exists(email: str) -> bool:
    """Whether somebody has the address; for the eyes of who reads its mailbox."""
    found = get_user_model()._default_manager.filter(having(email))
    return any(is_called(user, email) for user in found)


def can_be_made() -> bool:
    """Whether an address and a password are all that an account of this site needs."""
    model = get_user_model()
    makes = hasattr(model._default_manager, "create_user") and _is_text(model.USERNAME_FIELD)
    return makes and set(model.REQUIRED_FIELDS) <= {model.get_email_field_name()}


@sensitive_variables("password")
def create(*, email: str, password: str) -> Any:
    """Make an account whose log-in name and address are ``email``; call it in a transaction.

    Raises:
        Conflict: ``invitation.account_exists``.
        Invalid: the address looks like another, the password is weak, or the site's accounts
            can't be made this way.
    """
    model = get_user_model()
    try:
        email = emails.canonical(email)
    except ValueError as error:
        raise Invalid("email.invalid", str(error), field="email") from None
    if exists(email):
        raise _taken()
    columns = (model.USERNAME_FIELD, model.get_email_field_name())
    names = {name: email for name in columns if _is_text(name)}
    try:
        password_validation.validate_password(password, user=model(**names))
    except ValidationError as error:
        raise Invalid("password.weak", _words(error, names), field="password") from None
    try:
        with savepoint():
            user = model._default_manager.create_user(password=password, **names)
            user.full_clean(exclude={"password", *_left_empty(user)})
    except IntegrityError:
        if model._base_manager.filter(having(email)).exists():
            raise _taken() from None
        raise _needs_more("") from None
    except ValidationError as error:
        raise _needs_more(_words(error, names)) from None
    return user


def _is_text(name: str) -> bool:
    """Whether the user model has a column of that name that may hold an address."""
    try:
        field = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return isinstance(field, models.CharField | models.TextField)


def _left_empty(user: Any) -> set[str]:
    """Return the columns that may stay NULL, whatever a form would say."""
    return {f.name for f in user._meta.fields if f.null and f.value_from_object(user) is None}


@speaking()
def _words(error: ValidationError, known: Iterable[str]) -> str:
    """Return what Django says is wrong, in the language of everything else that is said.

    With the name of the column where the person has not filled it in.
    """
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        " ".join(texts) if name in (*known, NON_FIELD_ERRORS) else f"{name}: {' '.join(texts)}"
        for name, texts in error.message_dict.items()
    )


def _needs_more(why: str) -> Invalid:
    said = _(
        "This site's accounts can't be made here: they need more than an address and a password. "
        "Ask the site for one, then open the link again."
    )
    return Invalid("account.invalid", why or said)


def _taken() -> Conflict:
    return Conflict(
        "invitation.account_exists",
        _("There is an account with this e-mail address. Log in to accept the invitation."),
    )
