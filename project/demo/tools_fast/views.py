"""Tools.FAST: convert images for credits, list the conversions, tell the balance."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.credits import ChargesCredits
from apikeys.limits import Limit
from apikeys.models import AccessToken
from apikeys.openapi.operations import BINARY, TEXT, WHOLE, Operation, listed, record
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle
from project.demo import images, sandbox
from project.demo.bodies import AcceptsAnyMixin
from project.demo.uploads import ImageSerializer, ImageUploadView, answer

CONVERSION_COST = 5


class ToolsFastAuthentication(AccessTokenAuthentication):
    dialect = "tools-fast"


class ToolsFastView(AcceptsAnyMixin, APIView):
    """What the views of this system share."""

    authentication_classes = (ToolsFastAuthentication,)
    permission_classes = (HasScope,)
    throttle_classes = (AccessTokenThrottle,)
    limits = (Limit("300/minute", per="token"),)


class ConvertSerializer(ImageSerializer):
    """An image and the format it shall have."""

    targetFormat = serializers.CharField(max_length=16)  # noqa: N815 - the vendor's name

    def validate_targetFormat(self, text: str) -> str:  # noqa: N802
        target = images.target_named(text)
        if target is None:
            known = ", ".join(images.TARGETS)
            raise serializers.ValidationError(f"This format is not supported; choose {known}.")
        return target


class ConvertView(ChargesCredits, ImageUploadView, ToolsFastView):
    """`POST /convert`: an image in another format."""

    required_scopes = {"POST": {"conversions:write"}}
    cost = {"POST": CONVERSION_COST}
    operations = {
        "post": Operation(
            name="convert", request=ConvertSerializer, response=BINARY, media_type="image/*"
        )
    }

    def post(self, request: Request) -> HttpResponse:
        form = ConvertSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file, target = form.validated_data["file"], form.validated_data["targetFormat"]
        try:
            result = sandbox.convert(file.read(), name=file.name, target=target)
        except images.ImageError as error:
            raise serializers.ValidationError({"file": str(error)}) from None
        return answer(result, file.name)


class ConversionsView(ToolsFastView):
    """`GET /convert/conversions`: every pair of formats that can be converted."""

    scope_resource = "conversions"
    operations = {
        "get": Operation(
            name="conversions_list",
            response=record(conversions=listed(record(sourceFormat=TEXT, targetFormat=TEXT))),
        )
    }

    def get(self, request: Request) -> Response:
        pairs = [
            {"sourceFormat": source, "targetFormat": target}
            for source, target in images.conversions()
        ]
        return Response({"conversions": pairs})


class EntitlementsView(ToolsFastView):
    """`GET /entitlements/me`: who calls, and how many credits are left."""

    scopes_not_needed = True
    operations = {
        "get": Operation(
            name="entitlements_read",
            response=record(user=TEXT, organization=TEXT, credits=WHOLE),
        )
    }

    def get(self, request: Request) -> Response:
        token = cast(AccessToken, request.auth)
        caller: Any = request.user
        return Response(
            {
                "user": str(caller.get_username()),
                "organization": token.organization.slug,
                "credits": token.organization.credits,
            }
        )
