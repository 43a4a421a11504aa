"""Uploads of one image: capped before they are read, worked on, answered with bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.views import APIView

from project.demo import images
from project.demo.bodies import (
    LARGEST_TEXT,
    AcceptsAnyMixin,
    TooLarge,
    drop_unread,
    require_body_within,
)

LARGEST_BODY: Final = images.MAX_BYTES + 64 * 1024
TOO_LARGE: Final = f"file: send at most {images.MAX_BYTES // (1024 * 1024)} MB."


class ImageUploadParser(MultiPartParser):
    """Multipart forms with one image; looks at the announced length before it reads anything."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            require_body_within((parser_context or {})["request"], LARGEST_BODY)
        except TooLarge:
            raise TooLarge(TOO_LARGE) from None
        return super().parse(stream, media_type, parser_context)


class SmallFormParser(FormParser):
    """A form without a file, so that its sender is told which field is missing."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        require_body_within((parser_context or {})["request"], LARGEST_TEXT)
        return super().parse(stream, media_type, parser_context)


class ImageUploadView(AcceptsAnyMixin, APIView):
    """A view that takes an image and answers with one."""

    parser_classes = (ImageUploadParser, SmallFormParser)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Read on when the answer was clear before the whole file had arrived."""
        drop_unread(self.request._request)
        return super().finalize_response(request, response, *args, **kwargs)


class ImageSerializer(serializers.Serializer):
    """The file of an upload."""

    file = serializers.FileField(allow_empty_file=True, max_length=255)

    def validate_file(self, file: Any) -> Any:
        if file.size > images.MAX_BYTES:
            raise TooLarge(TOO_LARGE)
        return file


def answer(result: images.Result, name: str) -> HttpResponse:
    """Return the image as a file to save, named as the upload was with the result's extension."""
    stem = PurePath(name).stem or "image"
    response = HttpResponse(result.content, content_type=result.media_type)
    response.headers["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=f"{stem}.{result.extension}"
    )
    return response
