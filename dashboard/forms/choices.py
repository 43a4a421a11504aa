"""Choices out of the database, read by one query and without a cursor that stays open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator


class WholeChoices(ModelChoiceIterator):
    """All rows at once.

    Django's own takes them from a cursor on the server, which a pooler in transaction mode gives to
    another client.
    """

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        for row in self.queryset.all():
            yield self.choice(row)


class RowChoiceField(forms.ModelChoiceField):
    """A choice among few rows."""

    iterator = WholeChoices
