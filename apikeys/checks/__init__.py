"""What ``manage.py check`` says about a project that uses the library, one module a subject.

Each message says what to write. Reads views, settings and, where asked, stores; changes nothing.
"""

from apikeys.checks import (  # noqa: F401
    admins,
    authenticators,
    caches,
    clock,
    database,
    deployment,
    pages,
    people,
    settings,
    tenants,
    tools,
    urlconfs,
    views,
    wiring,
)
