"""Addresses of Fastly, without trailing slashes; include them at the root."""

from __future__ import annotations

from django.urls import path

from project.demo.fastly import token_views as tokens
from project.demo.fastly import views

# str, not uuid: an address that is no UUID is the same JSON 404 as a missing object.
urlpatterns = [
    path("service", views.ServicesView.as_view()),
    path("service/<str:service_id>", views.ServiceView.as_view()),
    path("service/<str:service_id>/object/<path:name>", views.ObjectView.as_view()),
    path("service/<str:service_id>/purge/<path:key>", views.PurgeKeyView.as_view()),
    path("service/<str:service_id>/purge_all", views.PurgeAllView.as_view()),
    path("purge/<path:url>", views.PurgeUrlView.as_view()),
    path("tokens", tokens.TokensView.as_view()),
    path("tokens/self", tokens.TokenSelfView.as_view()),
    path("tokens/<str:token_id>", tokens.TokenView.as_view()),
    path("public-ip-list", views.PublicIpListView.as_view()),
]
