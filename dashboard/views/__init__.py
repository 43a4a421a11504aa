"""Views of the dashboard: they translate between pages and services."""
