"""In which language our texts are written, so that an answer is never in two. No I/O.

Django, DRF and a host each bring translations of their own. Where ours are in none of them, an
answer in the active language would be English with single German words in it, so it is English
throughout. Which languages ours are in, a catalogue says itself: it translates one message, the
code of its language.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation
from django.utils.translation import pgettext

__all__ = ["speaking", "spoken"]

_ENGLISH = "en"


def spoken() -> str:
    """Return the language that our texts are in, where the active language is asked for.

    That is the active language where a catalogue, ours or a host's, has our texts in it; the
    default language where only that has them, as Django falls back to it; else ``"en"``.
    """
    active = translation.get_language() or _ENGLISH
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
def speaking() -> Iterator[None]:
    """Have everything that is said inside said in our language, lazy texts too.

    What is lazy must be rendered inside. A context manager and a decorator, of functions that
    are not ``async``.
    """
    with translation.override(spoken()):
        yield


def _is_of(language: str, active: str) -> bool:
    return active == language or active.startswith(f"{language}-")
