"""Small host projects: the README's project beside other people's settings, packages and users.

Each is a ``Host``: settings and files as data, and what is to be seen in it beyond what every host
shows. ``visit.py`` runs one in a process of its own, by the Python of a virtual environment that
has the packages of requirements-hosts.txt; ``scripts/hosts`` runs all of them on every supported
pair of Django and Python.

Nothing here may import the demo or the rest of the tests: the process of a host has neither.
"""
