"""The host's accounts as far as invitations need them: find one by address, compare, make one.

Works with any user model through ``get_user_model()``, its ``USERNAME_FIELD`` and its e-mail field;
stays silent about which account has an address.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model, password_validation
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apikeys import emails
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
    names = {model.USERNAME_FIELD, model.get_email_field_name()}
    condition = Q()
    for name in sorted(names):
        try:
            model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        for form in emails.forms(email):
            condition |= Q(**{f"{prefix}{name}__iexact": form})
    return condition


def exists(email: str) -> bool:
    """Whether somebody has the address; for the eyes of who reads its mailbox."""
    found = get_user_model()._default_manager.filter(having(email))
    return any(is_called(user, email) for user in found)


def can_be_made() -> bool:
    """Whether an address and a password are all that an account of this site needs."""
    model = get_user_model()
    return set(model.REQUIRED_FIELDS) <= {model.get_email_field_name()}


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
    names = {model.USERNAME_FIELD: email, model.get_email_field_name(): email}
    try:
        password_validation.validate_password(password, user=model(**names))
    except ValidationError as error:
        raise Invalid("password.weak", " ".join(error.messages), field="password") from None
    try:
        with savepoint():
            user = model._default_manager.create_user(password=password, **names)
            user.full_clean(exclude=["password"])
    except IntegrityError:
        raise _taken() from None
    except ValidationError as error:
        raise Invalid("account.invalid", " ".join(error.messages)) from None
    return user


def _taken() -> Conflict:
    return Conflict(
        "invitation.account_exists",
        _("There is an account with this e-mail address. Log in to accept the invitation."),
    )
