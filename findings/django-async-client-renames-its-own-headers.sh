#!/usr/bin/env bash
# Django 5.2.19, Python 3.11 (6.1.3 the same): headers that AsyncClient is made with arrive under another name. The
# constructor turns them into names of WSGI, as Client does, and each request then takes these for names of ASGI: X-API-Key
# comes as HTTP-X-API-KEY, Authorization as HTTP-AUTHORIZATION. Given with a request they arrive as they are. A test that
# expects a refusal passes, since no credential was sent.
#
# Seen:
#   Client(headers=...): X-Api-Key
#   AsyncClient(headers=...): Http-X-Api-Key
#   AsyncClient().get(headers=...): X-Api-Key
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check Django==5.2.19
cat > house.py <<'PY'
import asyncio

import django
from django.conf import settings

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"])
django.setup()

from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path


def names(request):
    return HttpResponse(", ".join(name for name in request.headers if "Key" in name))


urlpatterns = [path("", names)]
key = {"X-API-Key": "a"}


async def ask(client, **more):
    return (await client.get("/", **more)).content.decode()


print("Client(headers=...):", Client(headers=key).get("/").content.decode())
print("AsyncClient(headers=...):", asyncio.run(ask(AsyncClient(headers=key))))
print("AsyncClient().get(headers=...):", asyncio.run(ask(AsyncClient(), headers=key)))
PY
venv/bin/python house.py > seen
cat seen
diff seen - <<'SEEN'
Client(headers=...): X-Api-Key
AsyncClient(headers=...): Http-X-Api-Key
AsyncClient().get(headers=...): X-Api-Key
SEEN
