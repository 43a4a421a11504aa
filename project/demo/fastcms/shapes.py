"""What log-in and key API answer, as JSON schemas for the documentation."""

from __future__ import annotations

from apikeys.openapi.operations import FLAG, IDENTIFIER, TEXT, WHOLE, nullable, record

# Times are in UTC and say no zone, so they are no date-time of RFC 3339.
LOGIN = record(access_token=TEXT, token_type=TEXT, expires_in=WHOLE)
KEY = record(
    id=IDENTIFIER,
    name=TEXT,
    key_prefix=TEXT,
    scopes=TEXT,
    active=FLAG,
    expires_at=nullable(TEXT),
    last_used_at=nullable(TEXT),
    last_used_ip=nullable(TEXT),
    created=TEXT,
)
NEW_KEY = record(
    id=IDENTIFIER,
    name=TEXT,
    key=TEXT,
    key_prefix=TEXT,
    scopes=TEXT,
    expires_at=nullable(TEXT),
    message=TEXT,
)
REVOKED = record(revoked=WHOLE, message=TEXT)
