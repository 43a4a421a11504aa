#!/usr/bin/env bash
# Django REST framework 3.18.3, Django 5.2.8, uvicorn 0.54.0, gunicorn 27.0.1, waitress 3.0.2, Python 3.11: a JSON body
# that comes with Transfer-Encoding: chunked, as clients send a stream, is no data for a DRF view: request.data is {}
# and nothing is raised, since no Content-Length counts as length 0. Django's own view reads it in request.body under
# ASGI, and not under WSGI, where Django stops at length 0 as well; waitress works a Content-Length out, so both read.
#
# Seen:
#   uvicorn: body {"text": "a"}, data {}
#   gunicorn: body nothing, data {}
#   waitress: body {"text": "a"}, data {"text": "a"}
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check \
  Django==5.2.8 djangorestframework==3.18.3 uvicorn==0.54.0 gunicorn==27.0.1 waitress==3.0.2
cat > house.py <<'PY'
import json

import django
from django.conf import settings

settings.configure(
    ROOT_URLCONF="house",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
)
django.setup()

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from rest_framework.decorators import api_view


def body(request):
    return HttpResponse(request.body or b"nothing")


@api_view(["POST"])
def data(request):
    return HttpResponse(json.dumps(request.data))


urlpatterns = [path("body", body), path("data", data)]
asgi = get_asgi_application()
wsgi = get_wsgi_application()
PY
cat > ask.py <<'PY'
import sys
import time
from http.client import HTTPConnection


def sent(path):
    line = HTTPConnection("127.0.0.1", int(sys.argv[1]))
    parts = iter([b'{"text": ', b'"a"}'])
    line.request("POST", path, parts, {"Content-Type": "application/json"}, encode_chunked=True)
    answer = line.getresponse()
    assert answer.status == 200, answer.status
    return answer.read().decode()


until = time.monotonic() + 60
while True:
    try:
        print(f"body {sent('/body')}, data {sent('/data')}")
        break
    except ConnectionRefusedError:  # it does not listen yet
        assert time.monotonic() < until, "no server"
        time.sleep(0.1)
PY
port=$(venv/bin/python -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
behind() {
  local name=$1
  shift
  venv/bin/"$@" > log 2>&1 &
  server=$!
  echo "$name: $(venv/bin/python ask.py "$port")" >> seen
  kill "$server"
  wait "$server" || true
  server=
}
behind uvicorn uvicorn --port "$port" house:asgi
behind gunicorn gunicorn --bind "127.0.0.1:$port" house:wsgi
behind waitress waitress-serve --listen "127.0.0.1:$port" house:wsgi
cat seen
diff seen - <<'SEEN'
uvicorn: body {"text": "a"}, data {}
gunicorn: body nothing, data {}
waitress: body {"text": "a"}, data {"text": "a"}
SEEN
