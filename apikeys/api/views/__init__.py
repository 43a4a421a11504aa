"""Views of the management API: they translate between requests and services."""
