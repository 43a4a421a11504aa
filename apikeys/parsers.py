"""JSON bodies of a bounded size and depth. Knows no view."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class BoundedJSONParser(JSONParser):
    """JSON of at most ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes.

    DRF's own parser reads whatever comes, whole, so that one request could fill the memory; and
    JSON of a hundred thousand brackets, which exhausts Python's stack, is a fault to it.

    Raises:
        RequestDataTooBig: the body is larger; nothing beyond the limit was kept.
        ParseError: it is no JSON, or nested too deeply.
    """

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if most is not None:
            body = stream.read(most + 1)
            if len(body) > most:
                raise RequestDataTooBig(f"The body is larger than {most} bytes.")
            stream = io.BytesIO(body)
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("The body is nested too deeply.")) from None
