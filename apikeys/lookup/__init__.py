"""The one query of a request: a token's row with workspace, organization and owner."""
