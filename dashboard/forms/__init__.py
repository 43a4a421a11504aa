"""Forms of the dashboard, one module an area."""
