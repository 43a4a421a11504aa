"""Access tokens: list, generate, one token, rotate, revoke."""

from __future__ import annotations

from django.urls import path

from . import detail, issuing, listing, revoking

urlpatterns = [
    path("<slug:organization>/tokens", listing.tokens, name="tokens"),
    path("<slug:organization>/tokens/new", issuing.generate, name="token-new"),
    path("<slug:organization>/tokens/revoke", revoking.revoke_several, name="tokens-revoke"),
    path("<slug:organization>/tokens/<str:token_id>", detail.token, name="token"),
    path("<slug:organization>/tokens/<str:token_id>/edit", detail.edit, name="token-edit"),
    path("<slug:organization>/tokens/<str:token_id>/rotate", issuing.rotate, name="token-rotate"),
    path("<slug:organization>/tokens/<str:token_id>/revoke", revoking.revoke, name="token-revoke"),
    path("<slug:organization>/tokens/<str:token_id>/disable", detail.disable, name="token-disable"),
    path("<slug:organization>/tokens/<str:token_id>/enable", detail.enable, name="token-enable"),
    path(
        "<slug:organization>/tokens/<str:token_id>/end-overlap",
        detail.end_overlap,
        name="token-end-overlap",
    ),
]
