"""The documentation of a host's API, made from what its views declare."""
