#!/usr/bin/env bash
# Django 5.2.8, Python 3.11: in autocommit pre_save and post_save are sent outside of any transaction, pre_delete,
# post_delete and m2m_changed inside of one. So a post_save receiver that raises does not undo the row that save()
# wrote, while a post_delete receiver that raises does undo the deletion. Those of get_or_create()
# and update_or_create() are inside: what a save receiver meets depends on the caller's method.
#
# Seen:
#   create: pre_save outside, post_save outside
#   save: pre_save outside, post_save outside
#   get_or_create: pre_save inside, post_save inside
#   update_or_create: pre_save inside, post_save inside
#   add to many-to-many: m2m_changed inside, m2m_changed inside
#   delete: pre_delete inside, post_delete inside
#   receiver of post_save raised: 1 row stays saved
#   receiver of post_delete raised: 1 row stays
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check Django==5.2.8
mkdir house
touch house/__init__.py
cat > house/models.py <<'PY'
from django.db import models


class Team(models.Model):
    pass


class Person(models.Model):
    name = models.CharField(max_length=9)
    teams = models.ManyToManyField(Team)
PY
cat > seen.py <<'PY'
import django
from django.conf import settings
from django.db import connection
from django.db.models import signals

settings.configure(
    INSTALLED_APPS=["house"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from house.models import Person, Team

with connection.schema_editor() as editor:
    editor.create_model(Team)
    editor.create_model(Person)
heard, failing = [], None


def listen(name):
    def receive(**_):
        heard.append(f"{name} {'inside' if connection.in_atomic_block else 'outside'}")
        if name == failing:
            raise RuntimeError(name)

    getattr(signals, name).connect(receive, weak=False, sender=Person.teams.through if "m2m" in name else Person)


for each in ("pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"):
    listen(each)


def run(what, act):
    heard.clear()
    act()
    print(f"{what}: {', '.join(heard)}")


def refused(name, act):
    global failing
    failing = name
    try:
        act()
    except RuntimeError:
        failing = None
        return Person.objects.count()


person, team = Person(name="a"), Team.objects.create()
assert connection.get_autocommit()
run("create", lambda: Person.objects.create(name="b"))
run("save", person.save)
run("get_or_create", lambda: Person.objects.get_or_create(name="c"))
run("update_or_create", lambda: Person.objects.update_or_create(name="d"))
run("add to many-to-many", lambda: person.teams.add(team))
run("delete", person.delete)
Person.objects.all().delete()
print("receiver of post_save raised:", refused("post_save", Person(name="e").save), "row stays saved")
print("receiver of post_delete raised:", refused("post_delete", Person.objects.get().delete), "row stays")
PY
venv/bin/python seen.py > seen
cat seen
diff seen - <<'SEEN'
create: pre_save outside, post_save outside
save: pre_save outside, post_save outside
get_or_create: pre_save inside, post_save inside
update_or_create: pre_save inside, post_save inside
add to many-to-many: m2m_changed inside, m2m_changed inside
delete: pre_delete inside, post_delete inside
receiver of post_save raised: 1 row stays saved
receiver of post_delete raised: 1 row stays
SEEN
