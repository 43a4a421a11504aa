"""Small views for tests of the read path: `pytest.mark.urls("tests.support.apis")`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.urls import path
from rest_framework import exceptions as drf
from rest_framework import generics
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from apikeys.authentication import AccessTokenAuthentication
from apikeys.credentials.carriers import Bearer, Header
from apikeys.credentials.keys import HEX, KeyShape
from apikeys.dialects import Dialect
from apikeys.limits import Limit
from apikeys.permissions import HasScope, WorkspaceScopedMixin, any_of, requires_scopes
from apikeys.services.errors import Conflict, Invalid, NotAllowed
from apikeys.throttling import AccessTokenThrottle
from tests.support.notes.models import Note
from tests.support.notes.serializers import NoteSerializer


def say(settings: Any, **changes: Any) -> None:
    """Change keys of the `APIKEYS` setting for one test."""
    settings.APIKEYS = {**settings.APIKEYS, **changes}


class Cms(Dialect):
    """Another dialect: header key of the shape `fcms_<8 hex>_<32 hex>`, no pages of strangers."""

    carriers = (Header("X-Cms-Key"), Bearer())
    prefixes = {"development": "fcms"}
    key_shape = KeyShape(8, 32, HEX, checksum=False)
    scopes = {"files:read": "Read files"}
    first_party_origins = frozenset({"https://cms.example"})
    foreign_origins = "refuse"
    validation_status = 422

    def render(self, problem: Any) -> tuple[Any, str]:
        return {"message": problem.detail, "fields": dict(problem.fields)}, "application/json"


class BearerOnly(Dialect):
    """The default shape, by Bearer alone."""

    carriers = (Bearer(),)
    scopes = {"notes:read": "Read notes"}


DIALECTS = {"cms": "tests.support.apis.Cms", "bearer": "tests.support.apis.BearerOnly"}


class CmsAuthentication(AccessTokenAuthentication):
    dialect = "cms"


class BearerAuthentication(AccessTokenAuthentication):
    dialect = "bearer"


class AnyTokenAuthentication(AccessTokenAuthentication):
    any_dialect = True


class Protected(APIView):
    """Says who is asking."""

    authentication_classes: Any = [AccessTokenAuthentication]
    permission_classes: Any = [HasScope]
    scope_resource: Any = "notes"
    required_scopes: Any = None

    def get(self, request: Any, **kwargs: Any) -> Response:
        user, token = request.user, request.auth
        return Response(
            {
                "user": str(user.pk),
                "principal": type(user).__name__,
                "token_id": token.token_id if token else None,
            }
        )

    post = put = patch = delete = get


class Files(Protected):
    authentication_classes = [CmsAuthentication]
    scope_resource = "files"


class AnyDialect(Protected):
    authentication_classes = [AnyTokenAuthentication]
    scopes_not_needed = True


class OnlyGet(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"

    def get(self, request: Any) -> Response:
        return Response({})


class Explicit(Protected):
    scope_resource = None
    required_scopes = {
        "GET": {"notes:read", "notes:write"},
        "POST": any_of("notes:write", "notes:delete"),
        "PUT": "notes:write",
    }


class Undeclared(Protected):
    scope_resource = None


class WithoutHasScope(Protected):
    permission_classes = [AllowAny]


class OrComposed(Protected):
    permission_classes = [AllowAny | HasScope]


class NotComposed(Protected):
    permission_classes = [~HasScope]


class AndComposed(Protected):
    permission_classes = [IsAuthenticated & HasScope]


class AndOfOthers(Protected):
    permission_classes = [IsAuthenticated & AllowAny]


class Misdeclared(Protected):
    required_scopes = {"GET": set(), "POST": "Notes:Write"}


class OptedOut(Protected):
    scope_resource = None
    scopes_not_needed = True


class AlmostOptedOut(Protected):
    scopes_not_needed = "yes"
    required_scopes = {"GET": "notes:delete"}


class PermissionsByAction(ViewSet):
    """Lets everybody create: what is not `HasScope` must not hide behind another action."""

    authentication_classes = [AccessTokenAuthentication]
    scope_resource = "notes"

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if getattr(self, "action", "") == "create" else [HasScope()]

    def list(self, request: Any) -> Response:
        return Response([])

    def create(self, request: Any) -> Response:
        return Response({})


class Actions(ViewSet):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"
    required_scopes: Any = None

    def list(self, request: Any) -> Response:
        return Response([])

    @action(detail=False, methods=["post"])
    def undeclared(self, request: Any) -> Response:
        return Response({})

    @action(detail=False, methods=["post"])
    @requires_scopes("notes:delete")
    def below(self, request: Any) -> Response:
        return Response({})

    @requires_scopes(any_of("notes:delete", "notes:write"))
    @action(detail=False, methods=["post"])
    def above(self, request: Any) -> Response:
        return Response({})

    @action(detail=False, methods=["post"], required_scopes={"notes:read", "notes:write"})
    def by_keyword(self, request: Any) -> Response:
        return Response({})

    @action(detail=False, methods=["get"])
    @requires_scopes("notes:read")
    def share(self, request: Any) -> Response:
        return Response({})

    @share.mapping.delete
    def unshare(self, request: Any) -> Response:
        return Response({})

    @share.mapping.post
    @requires_scopes("notes:write")
    def reshare(self, request: Any) -> Response:
        return Response({})

    @action(
        detail=False,
        methods=["get"],
        required_scopes={"GET": "notes:read", "DELETE": "notes:delete"},
    )
    def pin(self, request: Any) -> Response:
        return Response({})

    @pin.mapping.delete
    def unpin(self, request: Any) -> Response:
        return Response({})


class Notes(WorkspaceScopedMixin, generics.ListCreateAPIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"
    queryset = Note.objects.all()
    serializer_class = NoteSerializer


class CarelessSerializer(NoteSerializer):
    """Lets a caller write the workspace."""

    class Meta(NoteSerializer.Meta):
        fields = (*NoteSerializer.Meta.fields, "workspace")
        extra_kwargs = {"workspace": {"required": False}}


class CarelessNotes(Notes):
    serializer_class = CarelessSerializer


class CarelessNote(WorkspaceScopedMixin, generics.UpdateAPIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"
    queryset = Note.objects.all()
    serializer_class = CarelessSerializer
    lookup_field = "public_id"


class OpenNotes(Notes):
    anonymous_access = "everyone"


class Note1(WorkspaceScopedMixin, generics.RetrieveUpdateDestroyAPIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    required_scopes = {"GET": "notes:read"}
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    lookup_field = "public_id"


class Limited(Protected):
    throttle_classes = [AccessTokenThrottle]
    limits = [
        Limit("2/minute", per="token", on="write", name="writes"),
        Limit("3/minute", per="token", on="read", name="reads"),
        Limit("5/minute", per="organization", on="any", name="together"),
        Limit("2/minute", per="organization", on="purge", name="purges"),
    ]

    def delete(self, request: Any) -> Response:
        return Response({})

    delete.limit_kind = "purge"  # type: ignore[attr-defined]


class LimitedPerson(Protected):
    throttle_classes = [AccessTokenThrottle]
    limits = [
        Limit("2/minute", per="principal", name="principal"),
        Limit("9/minute", per="user", name="user"),
    ]


class Open(APIView):
    """Anybody may read; a token is not needed and not asked for."""

    authentication_classes: Any = []
    permission_classes = [AllowAny]
    throttle_classes = [AccessTokenThrottle]
    limits = [Limit("1/minute", per="address")]

    def get(self, request: Any) -> Response:
        return Response({})


class Beside(Protected):
    """A session does as well as a token."""

    authentication_classes = [AccessTokenAuthentication, BasicAuthentication]


class Foreign(APIView):
    """Not ours: DRF's own authenticator comes first."""

    authentication_classes: Any = [SessionAuthentication]
    permission_classes = [AllowAny]

    def get(self, request: Any) -> Response:
        raise drf.ValidationError({"name": ["Too long."]})


FAULTS: dict[str, Any] = {
    "validation": lambda: drf.ValidationError(
        {"name": ["Too long."], "rows": [{}, {"n": ["No."]}]}
    ),
    "validation-list": lambda: drf.ValidationError(["First.", "Second."]),
    "validation-general": lambda: drf.ValidationError({"non_field_errors": ["They differ."]}),
    "parse": lambda: drf.ParseError("It breaks at line 1."),
    "denied": lambda: PermissionDenied("internal words"),
    "drf-denied": lambda: drf.PermissionDenied("Not on Sundays."),
    "missing": lambda: Http404("internal words"),
    "drf-missing": lambda: drf.NotFound("internal words"),
    "throttled": lambda: drf.Throttled(12),
    "throttled-once": lambda: drf.Throttled(1),
    "throttled-silent": lambda: drf.Throttled(),
    "failed": lambda: drf.AuthenticationFailed("No such luck."),
    "unauthenticated": lambda: drf.NotAuthenticated(),
    "conflict": lambda: Conflict("token.revoked", "It is revoked.", field="x"),
    "invalid": lambda: Invalid("name.taken", "That name is taken.", field="name"),
    "invalid-general": lambda: Invalid("name.taken", "That name is taken."),
    "not-allowed": lambda: NotAllowed("not_admin", "Admins only."),
    "suspicious": lambda: SuspiciousOperation("internal words"),
    "fault": lambda: RuntimeError("internal words"),
}


class Failing(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"

    def get(self, request: Any, name: str) -> Response:
        raise FAULTS[name]()

    def post(self, request: Any, name: str) -> Response:
        return Response(request.data)


class FailingCms(Failing):
    authentication_classes = [CmsAuthentication]
    scope_resource = "files"


router = SimpleRouter(trailing_slash=False)
router.register("actions", Actions, basename="actions")

VIEWS: dict[str, type[APIView]] = {
    "protected": Protected,
    "files": Files,
    "any": AnyDialect,
    "only-get": OnlyGet,
    "explicit": Explicit,
    "undeclared": Undeclared,
    "without-has-scope": WithoutHasScope,
    "or-composed": OrComposed,
    "not-composed": NotComposed,
    "and-composed": AndComposed,
    "and-of-others": AndOfOthers,
    "misdeclared": Misdeclared,
    "opted-out": OptedOut,
    "almost-opted-out": AlmostOptedOut,
    "notes": Notes,
    "careless": CarelessNotes,
    "open-notes": OpenNotes,
    "limited": Limited,
    "person": LimitedPerson,
    "open": Open,
    "beside": Beside,
    "foreign": Foreign,
}

urlpatterns = [
    *(path(name, view.as_view()) for name, view in VIEWS.items()),
    path("read-said-here", Explicit.as_view(required_scopes={"GET": "notes:read"})),
    path("delete-said-here", Explicit.as_view(required_scopes={"GET": "notes:delete"})),
    path("by-action", PermissionsByAction.as_view({"get": "list", "post": "create"})),
    path("notes/<str:public_id>", Note1.as_view()),
    path("careless/<str:public_id>", CarelessNote.as_view()),
    path("failing/<str:name>", Failing.as_view()),
    path("failing-cms/<str:name>", FailingCms.as_view()),
    *router.urls,
]
