"""Changes the core a little in many places and asks whether a test notices: ``scripts/mutants``.

Knows Python, pytest and coverage.py, and of the library only the names of its modules.
"""
