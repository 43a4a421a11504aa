"""The e-mail user. Knows nothing of organizations or tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys import emails


class UserManager(BaseUserManager["User"]):
    """Makes users, and finds them by e-mail address whatever the case of its A to Z."""

    use_in_migrations = True

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user with this address, ignoring case.

        Raises:
            User.DoesNotExist: nobody has it.
        """
        # Both sides in SQL, for the index; what only looks like the address is found there, too.
        asked = models.Q()
        for form in emails.forms(username or ""):
            asked |= models.Q(Exact(Lower("email"), Lower(models.Value(form))))
        alike = self.filter(asked)
        for user in alike:
            if username is not None and emails.same(user.email, username):
                return user
        raise self.model.DoesNotExist

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user; without a password nobody can log in as them.

        Raises:
            ValueError: the address is empty.
            IntegrityError: somebody has the address already.
        """
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.password = make_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user who may do everything, the Django admin included."""
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can log in."""

    email = models.EmailField(
        _("e-mail address"),
        unique=True,
        error_messages={"unique": _("Somebody has this e-mail address already.")},
    )
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField(
        _("staff"), default=False, help_text=_("May log in to the Django admin.")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick this instead of deleting somebody.")
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email_ignoring_case",
                violation_error_message=_("Somebody has this e-mail address already."),
            )
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        try:
            self.email = emails.canonical(self.email)
        except ValueError as error:
            raise ValidationError({"email": str(error)}) from None

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email
