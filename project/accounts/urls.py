"""Addresses under `/accounts/`."""

from __future__ import annotations

from django.contrib.auth import views
from django.urls import path

from apikeys.addresses import guarded
from project.accounts.views import ChangePasswordView, LogInView, SignUpView

# `?next=` may hold the address of a search.
urlpatterns = [
    guarded(pattern)
    for pattern in (
        path("login/", LogInView.as_view(), name="login"),
        path("sign-up/", SignUpView.as_view(), name="sign_up"),
        path("logout/", views.LogoutView.as_view(), name="logout"),
        path("password/", ChangePasswordView.as_view(), name="password_change"),
        path("password/done/", views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    )
]
