"""Every answer in one language throughout, whichever app it comes from."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apikeys.languages import speaking


class OneLanguageMiddleware:
    """Let Django's own texts, and the admin's, be in the language that ours are in.

    Without a catalogue of ours in the active language pages are English, not half of each.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with speaking():
            return self.get_response(request)
