"""Which language our texts are in, and that what is said inside is said in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from apikeys.languages import speaking, spoken
from tests.support.catalogues import marked, write_catalogue

MARKER: Final = "code of the language of these texts\x04en"
REQUIRED: Final = _("This field is required.")  # DRF has it in German, and Django too


@pytest.fixture
def german(tmp_path: Path, settings: Any) -> None:
    settings.LOCALE_PATHS = [write_catalogue(tmp_path, "de", {MARKER: "de"})]


@pytest.fixture(autouse=True)
def _no_language_left() -> Iterator[None]:
    with translation.override("en"):
        yield


def test_it_is_english_in_a_language_that_only_django_and_drf_have() -> None:
    with translation.override("de"):
        assert spoken() == "en"


def test_it_is_the_language_that_a_catalogue_of_the_host_has_our_texts_in(german: None) -> None:
    with translation.override("de"):
        assert spoken() == "de"
    with translation.override("fr"):
        assert spoken() == "en"


def test_a_variant_of_a_language_speaks_the_texts_of_the_language(german: None) -> None:
    with translation.override("de-at"):
        assert spoken() == "de-at"


def test_where_only_the_default_language_has_our_texts_django_falls_back_to_it(
    german: None, settings: Any
) -> None:
    settings.LANGUAGE_CODE = "de"
    with translation.override("fr"):
        assert translation.pgettext(*MARKER.split("\x04")) == "de"
        assert spoken() == "de"


def test_a_catalogue_may_write_its_code_as_a_locale(tmp_path: Path, settings: Any) -> None:
    settings.LOCALE_PATHS = [write_catalogue(tmp_path, "pt_BR", {MARKER: "pt_BR"})]
    with translation.override("pt-br"):
        assert spoken() == "pt-br"


def test_a_catalogue_that_only_copies_the_code_has_no_texts(tmp_path: Path, settings: Any) -> None:
    settings.LOCALE_PATHS = [write_catalogue(tmp_path, "de", {MARKER: "en"})]
    with translation.override("de"):
        assert spoken() == "en"


@pytest.mark.parametrize("language", ["en", "en-gb", "en-au"])
def test_english_is_spoken_as_it_is_asked_for(language: str) -> None:
    with translation.override(language):
        assert spoken() == language


def test_it_is_english_without_any_language() -> None:
    with translation.override(None):
        assert spoken() == "en"
        with speaking():
            assert str(REQUIRED) == "This field is required."
        assert translation.get_language() is None


def test_lazy_texts_of_others_are_said_in_our_language_too() -> None:
    with translation.override("de"):
        assert str(REQUIRED) == "Dieses Feld ist zwingend erforderlich."
        with speaking():
            assert str(REQUIRED) == "This field is required."
        assert translation.get_language() == "de"


def test_a_function_can_speak_our_language() -> None:
    @speaking()
    def said() -> str:
        return str(REQUIRED)

    with translation.override("de"):
        assert (said(), said()) == ("This field is required.",) * 2


def test_the_language_of_marks_is_spoken() -> None:
    with marked(), speaking():
        assert str(REQUIRED) == "«This field is required.»"
