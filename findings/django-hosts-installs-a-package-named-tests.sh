#!/usr/bin/env bash
# django-hosts 7.0.0, Django 5.2.19, Python 3.11: the wheel holds a top-level regular package `tests` beside
# `django_hosts`. A project whose own folder `tests` has no __init__.py, which pytest and Django's test runner both
# put up with, then imports that package and not its own, even from its own folder: a regular package anywhere on
# sys.path wins over a namespace package, whichever comes first (PEP 420). With an __init__.py the folder wins while it
# comes first, so `python -m tests.x` works and a program in a sub-folder does not.
#
# Seen:
#   no __init__.py, from the project's folder: site-packages
#   __init__.py, from the project's folder: project
#   __init__.py, a program in a sub-folder: site-packages
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check django-hosts==7.0.0 django==5.2.19
mkdir -p project/tests/programs
cat > project/tests/programs/whose.py <<'PY'
import tests

print("site-packages" if "site-packages" in list(tests.__path__)[0] else "project")
PY
cd project
python="$folder/venv/bin/python"
whose() { "$python" -c 'exec(open("tests/programs/whose.py").read())'; }
{
  echo "no __init__.py, from the project's folder: $(whose)"
  touch tests/__init__.py
  echo "__init__.py, from the project's folder: $(whose)"
  echo "__init__.py, a program in a sub-folder: $("$python" tests/programs/whose.py)"
} > "$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
no __init__.py, from the project's folder: site-packages
__init__.py, from the project's folder: project
__init__.py, a program in a sub-folder: site-packages
SEEN
