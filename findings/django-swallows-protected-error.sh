#!/usr/bin/env bash
# Django 5.2.8, Python 3.11: an on_delete function of one's own that raises a subclass of ProtectedError does not
# get it out of delete(). The collector catches every ProtectedError there, keeps its protected objects alone and
# raises a plain ProtectedError with a message of its own; class, message and cause are lost. An error of any other
# class comes out as it was raised.
#
# Seen: ProtectedError: Cannot delete some instances of model 'Person' because they are referenced through protected
#       foreign keys: 'Seat.person'.
#       Other: first give the seat to somebody else
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check Django==5.2.8
mkdir house
touch house/__init__.py
cat > house/models.py <<'PY'
from django.db import models

raised = []


def refuse(collector, field, rows, using):
    raise raised.pop()


class Person(models.Model):
    pass


class Seat(models.Model):
    person = models.ForeignKey(Person, on_delete=refuse)
PY
cat > seen.py <<'PY'
import django
from django.conf import settings
from django.db import connection
from django.db.models import ProtectedError

settings.configure(
    INSTALLED_APPS=["house"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from house.models import Person, Seat, raised


class Own(ProtectedError):
    pass


class Other(Exception):
    pass


with connection.schema_editor() as editor:
    editor.create_model(Person)
    editor.create_model(Seat)
person = Person.objects.create()
Seat.objects.create(person=person)


def deleting(error):
    raised.append(error)
    try:
        person.delete()
    except Exception as caught:
        print(f"{type(caught).__name__}: {caught.args[0]}")
        return caught


what = "first give the seat to somebody else"
caught = deleting(Own(what, set(Seat.objects.all())))
assert type(caught) is ProtectedError and what not in str(caught), repr(caught)
assert caught.protected_objects == set(Seat.objects.all())
caught = deleting(Other(what))
assert type(caught) is Other and caught.args == (what,), repr(caught)
PY
venv/bin/python seen.py
