#!/usr/bin/env bash
# sentry-sdk 2.75.0, Django 5.2.19, Python 3.11, with `send_default_pii=False` and traces on: the span of each template that
# is rendered has the template's whole context as its data. So whatever a page shows to one person, such as a link that
# resets a password, is sent with each traced request; not even what Sentry's own list names is filtered there, since its
# scrubber looks at the names of the data alone and not inside.
#
# Seen:
#   the context of the page: {'reset_link': 'https://shop.example/reset/c2VjcmV0', 'password': 'hunter2'}
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check sentry-sdk==2.75.0 Django==5.2.19
cat > shop.py <<'PY'
import json

import django
import sentry_sdk
from django.conf import settings
from django.test import Client
from django.urls import path
from sentry_sdk.transport import Transport

envelopes = []


class Keeps(Transport):
    def capture_envelope(self, envelope):
        envelopes.append(envelope)


def page(request):
    from django.shortcuts import render  # after Sentry is set up, as in any project

    context = {"reset_link": "https://shop.example/reset/c2VjcmV0", "password": "hunter2"}
    return render(request, "page.html", context)


urlpatterns = [path("", page)]
loader = ("django.template.loaders.locmem.Loader", {"page.html": "{{ reset_link }}"})
settings.configure(
    SECRET_KEY="x" * 60,
    ROOT_URLCONF="__main__",
    ALLOWED_HOSTS=["testserver"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [loader]},
        }
    ],
)
sentry_sdk.init(
    dsn="https://public@sentry.example/1",
    transport=Keeps,
    traces_sample_rate=1.0,
    send_default_pii=False,
)
django.setup()
with sentry_sdk.start_transaction(name="page"):
    Client().get("/")
sentry_sdk.flush()
transactions = [
    json.loads(item.payload.get_bytes())
    for envelope in envelopes
    for item in envelope.items
    if item.type == "transaction"
]
contexts = [
    span["data"]["context"]
    for transaction in transactions
    for span in transaction["spans"]
    if "context" in span.get("data", {})
]
shown = {name: contexts[0][name] for name in ("reset_link", "password")}
print(f"the context of the page: {shown}")
PY
venv/bin/python shop.py | tee seen
diff seen - <<'SEEN'
the context of the page: {'reset_link': 'https://shop.example/reset/c2VjcmV0', 'password': 'hunter2'}
SEEN
