"""URLs of the dashboard; include them as ``dashboard/``."""

from django.urls import path

from dashboard.views import home

app_name = "dashboard"

urlpatterns = [
    path("", home.start, name="home"),
]
