"""Input of an API that refuses what it does not know. Knows no view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from rest_framework import serializers

if TYPE_CHECKING:
    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class StrictSerializer(Serializer):
    """Input in which a field that does not exist is an error: a mistyped one must not be lost."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(self.fields)
            message = _("There is no such field. Known: %(fields)s.") % {"fields": known}
            raise serializers.ValidationError(dict.fromkeys(unknown, message))
        return super().to_internal_value(data)
