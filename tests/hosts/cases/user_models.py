"""User models of every kind: all that people do on pages, by the REST API and by commands."""

from __future__ import annotations

from tests.hosts import people
from tests.hosts.host import Host

SETTINGS = """
INSTALLED_APPS += ["people"]
AUTH_USER_MODEL = "people.Person"
"""
# Each has a manager that Django's own backend and createsuperuser can work with.
HEAD = """
import uuid

from django.contrib.auth.models import AbstractBaseUser, AbstractUser, BaseUserManager, UserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Manager(BaseUserManager):
    def create_user(self, password=None, **fields):
        user = self.model(**fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

"""
MODELS = {
    "without is_active": """
class Person(AbstractBaseUser):
    email = models.EmailField(unique=True)
    objects = Manager()
    USERNAME_FIELD = EMAIL_FIELD = "email"
""",
    "without an address": """
class Person(AbstractBaseUser):
    name = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)
    objects = Manager()
    USERNAME_FIELD = "name"
""",
    "with a name alone": """
class Person(AbstractBaseUser):
    name = models.CharField(max_length=150, unique=True)
    objects = Manager()
    USERNAME_FIELD = "name"
""",
    "with an address in place of a name": """
class Person(AbstractUser):
    username = None
    email = models.EmailField(unique=True)
    objects = Manager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
""",
    "with a UUID as key": """
class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
""",
    "with a number to log in with": """
class Person(AbstractBaseUser, PermissionsMixin):
    number = models.IntegerField(unique=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    objects = Manager()
    USERNAME_FIELD = "number"

    def __str__(self):
        return str(self.number)  # Django's own would return the number
""",
    "whose activity is worked out": """
class Person(AbstractUser):
    is_active = None
    left_at = models.DateTimeField(null=True)

    @property
    def is_active(self):
        return self.left_at is None
""",
    "that needs a telephone number": """
class Person(AbstractUser):
    phone = models.CharField(max_length=20)
    left_at = models.DateTimeField(null=True)
""",
    "that needs a team": """
class Team(models.Model):
    name = models.CharField(max_length=20)


class Person(AbstractUser):
    team = models.ForeignKey(Team, models.PROTECT)

    def save(self, *args, **kwargs):
        if self.username in ("alice", "bob", "charlie", "root"):
            self.team = Team.objects.get_or_create(name="People")[0]
        super().save(*args, **kwargs)
""",
    "without a password": """
class Person(AbstractBaseUser):
    password = None
    last_login = None
    email = models.EmailField(unique=True)
    objects = Manager()
    USERNAME_FIELD = "email"

    def set_password(self, raw_password):
        pass  # people log in elsewhere
""",
    "that inherits a table": """
class Human(models.Model):
    full_name = models.CharField(max_length=200, blank=True)


class Person(Human, AbstractUser):
    objects = UserManager()  # else it would be Human's
""",
    "that is a proxy": """
class Human(AbstractUser):
    pass


class Person(Human):
    class Meta:
        proxy = True
""",
}


# What these can't do: their people log in elsewhere, or need what an invitation does not ask for.
LEFT_OUT = {
    "without a password": {"log_in"},
    "that needs a team": {"sign_up"},
    "that needs a telephone number": {"sign_up"},
}
HOSTS = [
    Host(name="Django's own user model", steps=people.but()),
    *(
        Host(
            name=f"a user model {what}",
            settings=SETTINGS,
            files={"people/__init__.py": "", "people/models.py": HEAD + text},
            steps=people.but(*LEFT_OUT.get(what, ())),
        )
        for what, text in MODELS.items()
    ),
]
