"""Addresses under `/accounts/`."""

from __future__ import annotations

from django.contrib.auth import views
from django.urls import path

from project.accounts.views import LogInView

urlpatterns = [
    path("login/", LogInView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordChangeView.as_view(), name="password_change"),
    path("password/done/", views.PasswordChangeDoneView.as_view(), name="password_change_done"),
]
