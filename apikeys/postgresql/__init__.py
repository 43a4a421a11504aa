"""A database engine: Django's own for PostgreSQL, with an end to waiting for a server that hangs.

``DATABASES = {"default": {"ENGINE": "apikeys.postgresql", …}}``; needs psycopg 3. Everything else
is as Django has it. Knows nothing of tokens: any project can use it.
"""
