"""Organizations, workspaces and access tokens for Django REST framework.

Importing the package touches neither settings nor models.
"""

__version__ = "0.1.0"
