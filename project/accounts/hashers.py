"""How passwords are hashed."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id with the OWASP Password Storage Cheat Sheet's parameters: 19 MiB, two passes, one lane.

    Shares its algorithm name with Django's, whose costlier hashes verify and are re-hashed at log-in.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
