"""What Fastly's operations answer, as JSON schemas for the documentation."""

from __future__ import annotations

from apikeys.openapi.operations import (
    FLAG,
    IDENTIFIER,
    MOMENT,
    TEXT,
    WHOLE,
    listed,
    nullable,
    record,
)

VERSION = record(
    number=WHOLE,
    service_id=IDENTIFIER,
    active=FLAG,
    locked=FLAG,
    comment=TEXT,
    created_at=MOMENT,
    updated_at=MOMENT,
    deleted_at=nullable(MOMENT),
)
SERVICE = record(
    id=IDENTIFIER,
    customer_id=TEXT,
    name=TEXT,
    type=TEXT,
    comment=TEXT,
    version=WHOLE,
    versions=listed(VERSION),
    created_at=MOMENT,
    updated_at=MOMENT,
    deleted_at=nullable(MOMENT),
)
STORED = record(
    name=TEXT,
    service_id=IDENTIFIER,
    size=WHOLE,
    content_type=TEXT,
    surrogate_keys=listed(TEXT),
)
DONE = record(status=TEXT)
PURGED = record(status=TEXT, id=IDENTIFIER)
ADDRESSES = record(addresses=listed(TEXT), ipv6_addresses=listed(TEXT))
_MAYBE = {
    "user_id": IDENTIFIER,
    "last_used_at": MOMENT,
    "expires_at": MOMENT,
    "ip": TEXT,
    "user_agent": TEXT,
}
_TOKEN = {
    "id": TEXT,
    "name": TEXT,
    "scope": TEXT,
    "services": listed(TEXT),
    "created_at": MOMENT,
    "updated_at": nullable(MOMENT),
    "deleted_at": nullable(MOMENT),
}
TOKEN = record(_MAYBE, **_TOKEN)
NEW_TOKEN = record(_MAYBE, **_TOKEN, access_token=TEXT)
