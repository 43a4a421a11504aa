#!/usr/bin/env bash
# Django 5.2.19, Python 3.11: `connection.autocommit` is False until the first query has connected, though the setting
# AUTOCOMMIT is True and the first query commits by itself. `get_autocommit()` connects in order to answer. The
# connection of each new thread begins so.
#
# Seen:
#   AUTOCOMMIT: True
#   autocommit before a query: False
#   autocommit after a query: True
#   autocommit of another thread, before a query: False
#   get_autocommit() of another thread: True, and connected: True
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check Django==5.2.19
cat > ask.py <<'PY'
import threading

import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}})
django.setup()
from django.db import connection

print("AUTOCOMMIT:", connection.settings_dict["AUTOCOMMIT"])
print("autocommit before a query:", connection.autocommit)
connection.cursor().execute("SELECT 1")
print("autocommit after a query:", connection.autocommit)


def elsewhere():
    print("autocommit of another thread, before a query:", connection.autocommit)
    answer = connection.get_autocommit()
    print(f"get_autocommit() of another thread: {answer}, and connected: {connection.connection is not None}")
    connection.close()


thread = threading.Thread(target=elsewhere)
thread.start()
thread.join()
PY
venv/bin/python ask.py > seen
cat seen
diff seen - <<'SEEN'
AUTOCOMMIT: True
autocommit before a query: False
autocommit after a query: True
autocommit of another thread, before a query: False
get_autocommit() of another thread: True, and connected: True
SEEN
