"""In which language our texts are written, so that an answer is never in two. No I/O.

Django, DRF and a host each bring translations of their own. Where ours are in none of them, an
answer in the active language would be English with single German words in it, so it is English
throughout. Which languages ours are in, a catalogue says itself: it translates one message, the
code of its language.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.urls import get_urlconf
from django.utils import translation
from django.utils.translation import pgettext, pgettext_lazy

__all__ = ["speaking", "spoken", "status_phrase", "undeclared"]

_ENGLISH: Final = "en"
_STATUS: Final = "HTTP status"
# Here for ``makemessages`` alone.
_PHRASES: Final = (
    pgettext_lazy("HTTP status", "Bad Request"),
    pgettext_lazy("HTTP status", "Unauthorized"),
    pgettext_lazy("HTTP status", "Payment Required"),
    pgettext_lazy("HTTP status", "Forbidden"),
    pgettext_lazy("HTTP status", "Not Found"),
    pgettext_lazy("HTTP status", "Method Not Allowed"),
    pgettext_lazy("HTTP status", "Not Acceptable"),
    pgettext_lazy("HTTP status", "Conflict"),
    pgettext_lazy("HTTP status", "Gone"),
    pgettext_lazy("HTTP status", "Content Too Large"),
    pgettext_lazy("HTTP status", "Unsupported Media Type"),
    pgettext_lazy("HTTP status", "Unprocessable Content"),
    pgettext_lazy("HTTP status", "Too Many Requests"),
    pgettext_lazy("HTTP status", "Internal Server Error"),
    pgettext_lazy("HTTP status", "Service Unavailable"),
    pgettext_lazy("HTTP status", "Error"),
)


def spoken() -> str:
    """Return the language that our texts are in, where the active language is asked for.

    That is the active language where a catalogue, ours or a host's, has our texts in it; the
    default language where only that has them, as Django falls back to it; else ``"en"``.
    """
    return _spoken(translation.get_language() or _ENGLISH)


def undeclared() -> str:
    """Return ``spoken()`` where it is another language than the active one, else ``""``.

    Django's ``LocaleMiddleware`` declares the active one in ``Content-Language``.
    """
    active = translation.get_language() or _ENGLISH
    language = _spoken(active)
    return "" if language == active else language


def _spoken(active: str) -> str:
    if _is_of(_ENGLISH, active):
        return active
    # Translators: the code of the language that you translate into, such as "de" or "pt-br".
    said = pgettext("code of the language of these texts", "en")
    if said == _ENGLISH:
        return _ENGLISH
    # The default language's catalogue answers where the active one has no texts of ours.
    language = translation.to_language(said)
    elsewhere = not _is_of(language, active) and translation.check_for_language(language)
    return language if elsewhere else active


@contextmanager
def speaking(*, links: bool = False) -> Iterator[None]:
    """Have everything that is said inside said in our language, lazy texts too.

    What is lazy must be rendered inside. A context manager and a decorator, of functions that
    are not ``async``.

    Args:
        links: what is said leads to other pages. Where paths begin with the language
            (``i18n_patterns``), the links of another language lead out of the one that is read,
            or nowhere: there the active language stays.
    """
    if links and is_language_prefix_patterns_used(get_urlconf() or settings.ROOT_URLCONF)[0]:
        yield
        return
    with translation.override(spoken()):
        yield


def status_phrase(phrase: str) -> str:
    """Return the standard phrase of an HTTP status in our language.

    Args:
        phrase: in English, as RFC 9110 has it.
    """
    return pgettext(_STATUS, phrase)


def _is_of(language: str, active: str) -> bool:
    return active == language or active.startswith(f"{language}-")
