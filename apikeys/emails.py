"""When two e-mail addresses are the same, and which ones look like another. Pure.

Databases and Python disagree on how to fold letters: the Kelvin sign lowers to ``k`` here and stays
there. Whoever could sign up with such a look-alike would sit on somebody else's address.
"""

from __future__ import annotations

import unicodedata

from apikeys.visible import without_ignorable


def same(one: str, other: str) -> bool:
    """Tell whether two addresses or log-in names are the same, the case of A to Z aside.

    All other letters must be equal. Nothing is the same as an empty one.
    """
    return one.encode().lower() == other.encode().lower() != b""


def canonical(email: str) -> str:
    """Return the address with its domain in the one form that mail is sent to (IDNA, RFC 3490).

    Raises:
        ValueError: the part before the ``@`` has a letter that looks like, or folds to, one of
            ASCII, or one that nobody sees; or the domain is none.
    """
    local, at, domain = email.strip().rpartition("@")
    if not at:
        local, domain = domain, ""
    if any(_looks_like_ascii(letter) for letter in local) or without_ignorable(local) != local:
        raise ValueError("Before the @, use plain letters, digits and signs.")
    if domain.isascii():
        return f"{local}{at}{domain.lower()}"
    try:
        return f"{local}{at}{domain.encode('idna').decode('idna').lower()}"
    except UnicodeError:
        raise ValueError("The part after the @ is no domain.") from None


def _looks_like_ascii(letter: str) -> bool:
    if letter.isascii():
        return False
    folded = unicodedata.normalize("NFKC", letter)
    forms = letter.lower() + letter.upper() + letter.casefold() + folded
    return any(form.isascii() for form in forms)
