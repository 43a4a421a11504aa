"""FreeFileTools: compress images with a key, or without one from the site's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import serializers
from rest_framework.request import Request

from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.openapi.operations import BINARY, Operation
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle
from dashboard.pages import protect
from project.demo import images, sandbox
from project.demo.uploads import ImageSerializer, ImageUploadView, answer


class FreeFileToolsAuthentication(AccessTokenAuthentication):
    dialect = "freefiletools"


class QualityField(serializers.IntegerField):
    """1 to 100; left out it has a default, and an empty text is not left out."""

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        return dictionary.get(self.field_name or "", serializers.empty)


class CompressSerializer(ImageSerializer):
    """An image and how good it shall look."""

    quality = QualityField(min_value=1, max_value=100, default=80)


class ImageCompressView(ImageUploadView):
    """`POST /api/image-compress`: the image in the same format and size, with fewer bytes.

    The site's own pages need no key. Any program can claim to be one of them, so what they get is
    a tier for everyone: a limit per address, and nothing that belongs to anybody.
    """

    authentication_classes = (FreeFileToolsAuthentication,)
    permission_classes = (HasScope,)
    scopes_not_needed = True
    anonymous_access = "first_party"
    operations = {
        "post": Operation(
            name="image_compress",
            request=CompressSerializer,
            response=BINARY,
            media_type="image/*",
        )
    }
    throttle_classes = (AccessTokenThrottle,)
    limits = (
        Limit("50/hour", per="token", rolling=True),
        Limit("50/hour", per="address", on="anonymous", rolling=True),
    )

    def post(self, request: Request) -> HttpResponse:
        form = CompressSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        try:
            result = sandbox.compress(
                file.read(), name=file.name, quality=form.validated_data["quality"]
            )
        except images.ImageError as error:
            raise serializers.ValidationError({"file": str(error)}) from None
        return answer(result, file.name)


def compress_page(request: HttpRequest) -> HttpResponse:
    """Show the page that compresses images by `fetch`, without a key."""
    return protect(render(request, "freefiletools/image_compress.html"))
