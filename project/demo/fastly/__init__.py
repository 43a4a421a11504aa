"""Fastly: services, cached objects and their purging behind tokens, and an API for the tokens."""
