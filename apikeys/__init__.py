"""Organizations, workspaces and access tokens for Django.

What a host may import is listed in ``docs/public-api.md``. Importing the package touches neither
settings nor models.
"""

__version__ = "0.1.0"
