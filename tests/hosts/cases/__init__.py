"""The hosts, one module a subject; each has a list ``HOSTS``."""
