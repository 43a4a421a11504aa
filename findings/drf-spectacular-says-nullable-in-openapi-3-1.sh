#!/usr/bin/env bash
# drf-spectacular 0.30.0, djangorestframework 3.18.3, Django 5.2.8, Python 3.11: with OAS_VERSION "3.1.0" a serializer's
# field that may be null gets the type ["string", "null"], but `next` and `previous` of a paginated list keep
# "nullable": true, a word that OpenAPI 3.1 does not have any more (it is DRF's own schema of its paginators, passed
# on). Read by the rules of 3.1 they are strings, so the first and the last page of every list break the document; a
# validator of JSON Schema says so of an answer that DRF itself made.
#
# Seen:
#   text of a note: {"type": ["string", "null"]}
#   next of the list: {"type": "string", "nullable": true, "format": "uri"}
#   the only page: None is not of type 'string'
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check \
  Django==5.2.8 djangorestframework==3.18.3 drf-spectacular==0.30.0
cat > house.py <<'PY'
from django.urls import path
from rest_framework.generics import ListAPIView
from rest_framework.serializers import CharField, Serializer


class Note(Serializer):
    text = CharField(allow_null=True)


class Notes(ListAPIView):
    serializer_class = Note
    queryset = [{"text": None}]


urlpatterns = [path("notes", Notes.as_view())]
PY
cat > seen.py <<'PY'
import json

import django
from django.conf import settings

settings.configure(
    ROOT_URLCONF="house",
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=["rest_framework", "drf_spectacular"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
        "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
        "PAGE_SIZE": 5,
    },
    SPECTACULAR_SETTINGS={"OAS_VERSION": "3.1.0"},
)
django.setup()

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

document = SchemaGenerator().get_schema(request=None, public=True)
assert document["openapi"] == "3.1.0"
schemas = document["components"]["schemas"]
following = schemas["PaginatedNoteList"]["properties"]["next"]
del following["example"]
print("text of a note:", json.dumps(schemas["Note"]["properties"]["text"]))
print("next of the list:", json.dumps(following))
answer = APIClient().get("/notes").json()
assert answer == {"count": 1, "next": None, "previous": None, "results": [{"text": None}]}, answer
errors = list(Draft202012Validator(following).iter_errors(answer["next"]))
print("the only page:", *(error.message for error in errors))
PY
venv/bin/python seen.py > seen
cat seen
diff seen - <<'SEEN'
text of a note: {"type": ["string", "null"]}
next of the list: {"type": "string", "nullable": true, "format": "uri"}
the only page: None is not of type 'string'
SEEN
