"""The package ``dashboard`` under a name of its own, for projects with a ``dashboard`` of theirs.

A project uses one of the two names, in ``INSTALLED_APPS`` and in ``include``. The folder is found
beside this one and never by the name ``dashboard``, which may lead to the project's own package.
"""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent.parent / "dashboard")]
