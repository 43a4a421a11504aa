"""The admins' browser pages over ``apikeys.services``.

Every import in here is relative, and every name that all apps of a project share begins with
``apikeys_``: beside a ``dashboard`` of the project's own the package is ``apikeys_dashboard``.
"""
