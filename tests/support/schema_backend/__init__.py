"""A database backend that chooses a schema for each request, as django-tenants' does."""
