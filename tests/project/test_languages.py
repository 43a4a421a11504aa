"""The demo's own pages in another language, and in one that nobody has translated them into."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import translation

from apikeys import dialects
from tests.support.catalogues import marked, unmarked
from tests.support.shown import Texts

pytestmark = [pytest.mark.django_db, pytest.mark.project]

# Written from right to left.
LANGUAGE = "ar"
PAGES = [
    "/",
    "/accounts/login/",
    "/accounts/sign-up/",
    "/accounts/sign-up/?api=fastpix",
    "/tools/image-compress",
    "/nowhere",
]
FORMS = ["/accounts/login/", "/accounts/sign-up/"]
OF_ALICE = ["/", "/accounts/password/", "/accounts/password/done/", "/tools/image-compress"]
# Names of things, the same in every language.
NAMES = {"alice@example.org", "curl", "PowerShell", "JavaScript", "Python", "HTTP"}


def latin(page: str) -> list[str]:
    """Return what a page shows in Latin letters outside of what was looked up."""
    known = NAMES | {dialect.title for dialect in dialects.all_dialects().values()}
    left = []
    for text in Texts(unmarked(page)).found:
        for word in sorted(known, key=len, reverse=True):
            text = text.replace(word, " ")
        if re.search("[A-Za-z]", text):
            left.append(text.strip())
    return left


def test_no_text_of_a_page_is_out_of_reach(client: Any, alice: Any) -> None:
    with marked(LANGUAGE):
        answers = [client.get(path) for path in PAGES] + [client.post(path) for path in FORMS]
        client.force_login(alice)
        answers += [client.get(path) for path in OF_ALICE]
        answers.append(client.post("/accounts/password/", {"old_password": "x"}))
    for answer in answers:
        page = answer.content.decode()
        assert f'<html lang="{LANGUAGE}" dir="rtl">' in page, answer.request["PATH_INFO"]
        assert latin(page) == [], answer.request["PATH_INFO"]


@pytest.mark.parametrize("language", ["de", "ar"])
def test_where_nobody_has_translated_the_pages_they_are_wholly_english(
    client: Any, language: str
) -> None:
    def comparable(answer: Any) -> str:
        return re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", answer.content.decode())

    for path in PAGES:
        with translation.override("en"):
            english = comparable(client.get(path))
        with translation.override(language):
            page = comparable(client.get(path))
        assert '<html lang="en" dir="ltr">' in page
        assert page == english
