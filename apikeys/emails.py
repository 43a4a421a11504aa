"""When two e-mail addresses are the same, and which ones look like another. No I/O.

Databases and Python disagree on how to fold letters: the Kelvin sign lowers to ``k`` here and stays
there. Whoever could sign up with such a look-alike would sit on somebody else's address.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apikeys.visible import without_ignorable

# RFC 5321, section 4.5.3.1: 64 before the @ and 255 behind it.
LONGEST: Final = 320
_ACE: Final = "xn--"


def same(one: str, other: str) -> bool:
    """Whether two addresses or log-in names are the same, the case of A to Z aside.

    All other letters must be equal, but for a domain in letters and in ASCII (``xn--``), which is
    one. Nothing is the same as an empty one.
    """
    one, other = with_domain_in_letters(one), with_domain_in_letters(other)
    return one.encode().lower() == other.encode().lower() != b""


def canonical(email: str) -> str:
    """Return the address with its domain in the one form that mail is sent to (IDNA, RFC 3490).

    Raises:
        ValueError: the part before the ``@`` has a letter that looks like, or folds to, one of
            ASCII, or one that nobody sees; or the domain is none, or the whole too long.
    """
    email = email.strip()
    if len(email) > LONGEST:
        raise ValueError(
            ngettext(
                "An address has at most %(longest)d character.",
                "An address has at most %(longest)d characters.",
                LONGEST,
            )
            % {"longest": LONGEST}
        )
    local, at, domain = email.rpartition("@")
    if not at:
        local, domain = domain, ""
    if any(_looks_like_ascii(letter) for letter in local) or without_ignorable(local) != local:
        raise ValueError(_("Before the @, use plain letters, digits and signs."))
    try:
        return f"{local}{at}{_in_letters(_in_ascii(domain))}"
    except UnicodeError:
        raise ValueError(_("The part after the @ is no domain.")) from None


def forms(email: str) -> set[str]:
    """Return the address as it is and with its domain in letters and in ASCII (``xn--``).

    One address may have been kept in either.
    """
    local, at, domain = email.rpartition("@")
    if not at or len(email) > LONGEST or (domain.isascii() and _ACE not in domain.lower()):
        return {email}
    try:
        plain = _in_ascii(domain)
    except UnicodeError:
        return {email}
    return {email, f"{local}@{plain}", f"{local}@{_in_letters(plain)}"}


def with_domain_in_letters(email: str) -> str:
    """Return the address with a domain of ``xn--`` in letters, all else as it is."""
    local, at, domain = email.rpartition("@")
    if not at or len(email) > LONGEST or not domain.isascii() or _ACE not in domain.lower():
        return email
    return f"{local}@{_in_letters(domain.lower())}"


def _in_ascii(domain: str) -> str:
    return (domain if domain.isascii() else domain.encode("idna").decode("ascii")).lower()


def _in_letters(domain: str) -> str:
    """Return the domain in letters; as it is where they would not lead back to it."""
    try:
        return domain.encode("ascii").decode("idna").lower()
    except UnicodeError:
        return domain


def _looks_like_ascii(letter: str) -> bool:
    if letter.isascii():
        return False
    folded = unicodedata.normalize("NFKC", letter)
    forms = letter.lower() + letter.upper() + letter.casefold() + folded
    return any(form.isascii() for form in forms)
