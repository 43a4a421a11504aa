"""URLs of the management API, without trailing slashes; include them as ``access/``."""

from django.urls import path

from apikeys.api.views import TokenSelfView

app_name = "apikeys"

urlpatterns = [
    path("v1/token", TokenSelfView.as_view(), name="token-self"),
]
