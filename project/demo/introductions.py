"""What the start page says of each system, and the system's own examples.

The examples lie in `examples/` of each system's package, as the system prints them: `$HOST` stands
for the address of the server, `$PREFIX` for the path in it, `$KEY` for an API key, `$ID` and
`$SECRET` for the two halves of one. Its texts are looked up where they are shown. Knows no request,
no view and no key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from apikeys.dialects import Basic, Dialect

LANGUAGES: Final = {
    ".sh": "curl",
    ".ps1": "PowerShell",
    ".mjs": "JavaScript",
    ".js": _("JavaScript in a page"),
    ".py": "Python",
    ".http": "HTTP",
}
PLACEHOLDERS: Final = {
    "$KEY": "YOUR_API_KEY",
    "$ID": "ACCESS_TOKEN_ID",
    "$SECRET": "SECRET_KEY",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to do with a system, in the languages that the system prints.

    Attributes:
        title: what it does.
        files: names in the folder of examples, without the `.txt` they end in.
    """

    title: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a stranger reads of a system first.

    Attributes:
        dialect: the name in `APIKEYS["DIALECTS"]`.
        package: the package of the system, below this one.
        summary: what it does, in a sentence.
        keys: what its keys are like.
        examples: what to try.
        pages: the system's own pages for people: name of the address, and what it is called.
    """

    dialect: str
    package: str
    summary: str
    keys: str
    examples: tuple[Example, ...]
    pages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet:
    """An example in one language, ready to paste but for the key."""

    name: str
    language: str
    code: str


INTRODUCTIONS: Final = (
    Introduction(
        dialect="tools-fast",
        package="tools_fast",
        summary=_("Converts images between formats: a HEIC photo to JPEG, for instance."),
        keys=_(
            "For servers only: a browser page of another site is refused. A key can be held to "
            "networks of your own, and a conversion costs 5 of the 500 credits you start with."
        ),
        examples=(
            Example(
                _("Convert a photo"), ("convert.sh", "convert.ps1", "convert.mjs", "convert.py")
            ),
            Example(
                _("List the conversions there are"),
                ("conversions.sh", "conversions.ps1", "conversions.mjs", "conversions.py"),
            ),
        ),
    ),
    Introduction(
        dialect="freefiletools",
        package="freefiletools",
        summary=_("Compresses images: the same size in pixels, fewer bytes."),
        keys=_(
            "50 requests an hour for each key, from programs and from browser pages alike. The "
            "page of this server does the same without a key."
        ),
        examples=(
            Example(
                _("Compress an image"),
                ("compress.sh", "compress.mjs", "in_a_page.js", "compress.py"),
            ),
        ),
        pages=(("freefiletools-page", _("Compress an image without a key")),),
    ),
    Introduction(
        dialect="fastpix",
        package="fastpix",
        summary=_("Keeps records of media, separate for development and production."),
        keys=_(
            "An access token is an ID and a secret key, the user name and password of HTTP Basic. "
            "It reads and writes or only reads, in one workspace alone."
        ),
        examples=(Example(_("Create a media record"), ("create.sh", "create.mjs", "create.py")),),
    ),
    Introduction(
        dialect="fastcms",
        package="fastcms",
        summary=_("Stores content: collections, their records, and files."),
        keys=_(
            "Scopes, an expiry date, and when and where each key was last used. Members can make "
            "keys of their own through an API, with a log-in."
        ),
        examples=(
            Example(
                _("List collections"),
                ("list_collections.sh", "list_collections.mjs", "list_collections.py"),
            ),
            Example(_("Create a key, once logged in"), ("create.http",)),
        ),
    ),
    Introduction(
        dialect="fastly",
        package="fastly",
        summary=_("Caches objects of your services and purges them by key, by URL or all at once."),
        keys=_(
            "A token belongs to a person or to the organization. Every answer says how many "
            "requests are left."
        ),
        examples=(
            Example(_("List your services"), ("service.sh", "service.http")),
            Example(_("See how many requests are left"), ("service_with_headers.sh",)),
        ),
    ),
)


def snippets(system: Introduction, example: Example, *, host: str) -> list[Snippet]:
    """Return an example with placeholders for what the reader has to put in.

    Args:
        system: whose example it is.
        example: one of `system.examples`.
        host: the address at which this server's paths begin, without a slash at the end.
    """
    return [
        Snippet(
            name=file.replace(".", "-"),
            language=gettext(LANGUAGES[Path(file).suffix]),
            code=_filled_in(file, _text(system.package, file), host),
        )
        for file in example.files
    ]


def header_of(dialect: Dialect, environment: str = "production") -> str:
    """Return the header that carries a key of a workspace of that environment, its start only."""
    carrier = dialect.carriers[0]
    if isinstance(carrier, Basic):
        return f"Authorization: Basic base64({PLACEHOLDERS['$ID']}:{PLACEHOLDERS['$SECRET']})"
    prefix = dialect.prefix(environment)
    return f"{carrier.label}: {prefix}_…" if prefix else f"{carrier.label}: …"


def _filled_in(file: str, text: str, host: str) -> str:
    # A request as it travels has a header for the name of the host, and a line for the path.
    parts = urlsplit(host)
    text = text.replace("$HOST", parts.netloc if file.endswith(".http") else host)
    text = text.replace("$PREFIX", parts.path)
    for placeholder, words in PLACEHOLDERS.items():
        text = text.replace(placeholder, words)
    return text.strip() + "\n"


@cache
def _text(package: str, file: str) -> str:
    path = Path(__file__).parent / package / "examples" / f"{file}.txt"
    return path.read_text(encoding="utf-8")
