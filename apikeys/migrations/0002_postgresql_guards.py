"""What PostgreSQL itself refuses, whatever code runs; other databases rely on models and services.

Audit events are never updated, and deleted only in a transaction that has set the variable
``apikeys.pruning``, as ``AuditEventQuerySet.prune`` does. A token that was revoked stays so.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION apikeys_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('apikeys.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER apikeys_audit_append_only BEFORE UPDATE OR DELETE ON apikeys_auditevent
    FOR EACH ROW EXECUTE FUNCTION apikeys_audit_append_only();
CREATE FUNCTION apikeys_token_stays_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revoked token stays revoked' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER apikeys_token_stays_revoked BEFORE UPDATE OF revoked_at ON apikeys_accesstoken
    FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    EXECUTE FUNCTION apikeys_token_stays_revoked();
"""
BACKWARDS = """
DROP TRIGGER apikeys_token_stays_revoked ON apikeys_accesstoken;
DROP FUNCTION apikeys_token_stays_revoked();
DROP TRIGGER apikeys_audit_append_only ON apikeys_auditevent;
DROP FUNCTION apikeys_audit_append_only();
"""


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FORWARDS, params=None)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BACKWARDS, params=None)


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
