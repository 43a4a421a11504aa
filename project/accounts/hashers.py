"""How passwords are hashed."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id as the OWASP Password Storage Cheat Sheet has it: 19 MiB, two passes, one lane.

    A hash with other parameters still verifies, and is replaced at the next log-in.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
