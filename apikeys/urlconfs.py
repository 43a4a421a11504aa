"""Where the project's addresses are: its URLconfs, and the host and path at which each begins.

Most projects have one URLconf. Others have one for each host or tenant, which a middleware chooses;
those that Django itself can't know are named by ``APIKEYS["URLCONFS"]``, by the ``ROOT_HOSTCONF``
of django-hosts or by the ``PUBLIC_SCHEMA_URLCONF`` of django-tenants. Knows no view and no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ViewDoesNotExist
from django.http import HttpRequest
from django.urls import (
    NoReverseMatch,
    URLPattern,
    URLResolver,
    get_resolver,
    get_script_prefix,
    get_urlconf,
    is_valid_path,
    reverse,
)
from django.utils import translation

from apikeys import conf

__all__ = [
    "INVITATION",
    "Included",
    "Place",
    "address_of",
    "address_of_path",
    "included",
    "link_to",
    "places",
    "script_prefix",
    "unreadable",
]

INVITATION: Final = ("apikeys-invitation", "apikeys_dashboard:invitation")
"""Names of the page that accepts an invitation: a host's own, else the dashboard's."""

Found = tuple[URLPattern | URLResolver, str, str]
"""A pattern, the namespaces it is in, and its route, with what is around it."""


@dataclass(frozen=True, slots=True)
class Included:
    """Where the URLs of an app are included.

    Attributes:
        namespace: that of the app, with those around it.
        route: what comes before its own routes.
        package: that of the module of these URLs; "" where they are in none.
    """

    namespace: str
    route: str
    package: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One URLconf and where it answers.

    Attributes:
        urlconf: its dotted path, or what else ``request.urlconf`` can be.
        base: the address at which it begins, without a slash at the end; may leave the scheme to
            the request (``//api.example.org``). "" is the host that is asked.
    """

    urlconf: Any
    base: str = ""

    def path_of(self, name: str, *args: object) -> str | None:
        """Return the path of a name, counted from where the URLconf begins; None: it has none."""
        for spelling in (name, *self._nested(name)):
            try:
                path = reverse(spelling, urlconf=self.urlconf, args=args)
            except (NoReverseMatch, ImportError):
                continue
            return path.removeprefix(script_prefix())
        return None

    def answers(self, path: str) -> bool:
        """Whether anything answers at a path, counted from where the URLconf begins."""
        try:
            return is_valid_path(path, self.urlconf) is not False
        except ImportError:
            return False

    def link(self, path: str) -> str:
        """Return where such a path is: below the host that is asked, or a whole address."""
        return f"{self.base or script_prefix()}{path}"

    def included(self, app_name: str) -> Iterator[Included]:
        """Yield each place at which the URLs of an app are included.

        Raises:
            ImproperlyConfigured: the URLconf can't be imported.
        """
        for pattern, namespace, route in self._patterns():
            if isinstance(pattern, URLResolver) and pattern.app_name == app_name:
                module = getattr(pattern.urlconf_name, "__name__", "")
                yield Included(namespace, route, module.rpartition(".")[0])

    def callbacks(self) -> Iterator[tuple[Any, str]]:
        """Yield what the URLconf calls, with its route.

        Raises:
            ImproperlyConfigured: the URLconf can't be imported.
        """
        for pattern, _namespace, route in self._patterns():
            if isinstance(pattern, URLPattern):
                with suppress(ViewDoesNotExist):
                    yield pattern.callback, route

    def _patterns(self) -> Iterator[Found]:
        try:
            yield from _walk(get_resolver(self.urlconf))
        except ModuleNotFoundError as error:
            raise ImproperlyConfigured(
                f"The URLconf {self.urlconf} can't be imported: {error}."
            ) from error

    def _nested(self, name: str) -> Iterator[str]:
        """Yield a name with the namespaces that a host has put around that of its app."""
        app_name, colon, rest = name.partition(":")
        if colon:
            with suppress(ImproperlyConfigured):
                for each in self.included(app_name):
                    yield f"{each.namespace}:{rest}"


def places() -> tuple[Place, ...]:
    """Return the places of this project: that of the present request or else the root first."""
    current = get_urlconf() or settings.ROOT_URLCONF
    bases = dict(_of_hosts())
    # Its host is the one that is asked; the name of a pattern may be another one for it.
    bases[current] = ""
    bases |= conf.get().urlconfs
    public = getattr(settings, "PUBLIC_SCHEMA_URLCONF", None)
    known = [current, *conf.get().urlconfs, *bases, settings.ROOT_URLCONF, public]
    return tuple(Place(each, bases.get(each, "")) for each in dict.fromkeys(known) if each)


def link_to(*names: str, args: tuple[object, ...] = ()) -> str | None:
    """Return where the first of these names is that a URLconf has; None: none has one.

    A path, where that is on the host that is asked; else a whole address.

    Args:
        names: names of URLs, the preferred one first.
        args: arguments of the URL.
    """
    for name in names:
        for place in places():
            if (path := place.path_of(name, *args)) is not None:
                return place.link(path)
    return None


def address_of(request: HttpRequest, *names: str, args: tuple[object, ...] = ()) -> str | None:
    """Return the same as ``link_to``, whole in any case.

    Args:
        request: says which host is asked and how.
        names, args: as of ``link_to``.
    """
    # The language in which our texts are written may be another than that of the paths.
    with translation.override(getattr(request, "LANGUAGE_CODE", translation.get_language())):
        link = link_to(*names, args=args)
    return None if link is None else _whole(request, link)


def address_of_path(request: HttpRequest, path: str) -> str:
    """Return the address of a path, of the URLconf in which something answers there."""
    found = places()
    place = next((each for each in found if each.answers(path)), found[0])
    return _whole(request, place.link(path))


def unreadable() -> list[str]:
    """Return what is wrong with the URLconfs that can't be imported."""
    found = []
    for place in places():
        try:
            list(place.included(""))
        except ImproperlyConfigured as error:
            found.append(str(error))
    return found


def included(app_name: str) -> Iterator[Included]:
    """Yield each place at which any URLconf includes the URLs of an app.

    Raises:
        ImproperlyConfigured: a URLconf can't be imported.
    """
    for place in places():
        yield from place.included(app_name)


def _walk(resolver: URLResolver, namespace: str = "", route: str = "") -> Iterator[Found]:
    """Yield all that a URLconf holds, the outer before the inner."""
    for pattern in resolver.url_patterns:
        spaces = filter(None, (namespace, getattr(pattern, "namespace", None)))
        spaced, routed = ":".join(spaces), f"{route}{pattern.pattern}"
        yield pattern, spaced, routed
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, spaced, routed)


def _whole(request: HttpRequest, link: str) -> str:
    """Return a whole address, in letters that need no quotes in a shell."""
    return quote(request.build_absolute_uri(link), safe=":/?#[]@!&()*+,;=%~")


def script_prefix() -> str:
    """Return the path below which the project answers, as ``reverse`` spells it."""
    return quote(get_script_prefix().rstrip("/"), safe="!$&'()*+,;=/~:@")


def _of_hosts() -> Iterator[tuple[Any, str]]:
    """Yield the URLconfs of django-hosts and where they are, "" where that can't be told."""
    if not hasattr(settings, "ROOT_HOSTCONF"):
        return
    try:
        resolvers = import_module("django_hosts.resolvers")
    except ImportError:
        return
    for host in resolvers.get_host_patterns():
        base = ""
        if getattr(settings, "PARENT_HOST", ""):
            with suppress(NoReverseMatch):  # there is one for each tenant or person
                base = f"{host.scheme}{resolvers.reverse_host(host)}{host.port}"
        yield host.urlconf, base
