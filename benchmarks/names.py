"""Names that tables, targets and charts share. Imports nothing."""

from __future__ import annotations

FLOOR = "floor"
FLOOR_401 = "floor of a 401"
API_KEY = "djangorestframework-api-key"
TOKEN = "DRF TokenAuthentication"
KNOX = "django-rest-knox"
DJANGO_VIEW = "apikeys, Django view"
STATELESS = "simplejwt, stateless"
