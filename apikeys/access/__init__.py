"""Access control for one request: headers in, a token or a refusal out. Knows no framework."""
