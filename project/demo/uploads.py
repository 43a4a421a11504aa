"""Uploads of one image: capped before they are read, worked on, answered with bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from rest_framework import exceptions, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.views import APIView

from project.demo import images

FORM_BYTES: Final = 64 * 1024
# Of a body that is too large this much is read and dropped, so that the client, which is still
# sending, gets to see the answer; beyond it the connection is closed.
DROPPED_BYTES: Final = 128 * 1024 * 1024


class PayloadTooLarge(exceptions.APIException):
    """The file or the whole request is too large (HTTP 413)."""

    status_code = 413
    default_code = "request.too_large"
    default_detail = f"file: send at most {images.MAX_BYTES // (1024 * 1024)} MB."


class ImageUploadParser(MultiPartParser):
    """Multipart forms with one image; looks at the announced length before it reads anything."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {})["request"]
        if _length(request.META) > images.MAX_BYTES + FORM_BYTES:
            _drop(stream)
            raise PayloadTooLarge
        return super().parse(stream, media_type, parser_context)


class ImageUploadView(APIView):
    """A view that takes an image and answers with one, whatever the client says it accepts."""

    parser_classes = (ImageUploadParser,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Choose JSON for the errors; a client that accepts images alone is no reason for a 406."""
        return super().perform_content_negotiation(request, force=True)


class ImageSerializer(serializers.Serializer):
    """The file of an upload."""

    file = serializers.FileField(allow_empty_file=True, max_length=255)

    def validate_file(self, file: Any) -> Any:
        if file.size > images.MAX_BYTES:
            raise PayloadTooLarge
        return file


def answer(result: images.Result, name: str) -> HttpResponse:
    """Return the image as a file to save, named as the upload was with the result's extension."""
    stem = PurePath(name).stem or "image"
    response = HttpResponse(result.content, content_type=result.media_type)
    response.headers["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=f"{stem}.{result.extension}"
    )
    return response


def _length(meta: Mapping[str, Any]) -> int:
    try:
        return int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _drop(stream: Any) -> None:
    left = DROPPED_BYTES
    while left > 0 and (chunk := stream.read(min(64 * 1024, left))):
        left -= len(chunk)
