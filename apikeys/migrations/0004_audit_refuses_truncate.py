"""On PostgreSQL the audit log is not truncated: the triggers of rows never see a TRUNCATE.

Let through is a transaction that has set the variable ``apikeys.flushing``, as ``manage.py flush``
does for Django's test cases and for who says ``--audit-log``.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION apikeys_audit_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('apikeys.flushing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'audit events are append-only' USING
        ERRCODE = 'restrict_violation',
        HINT = 'manage.py prune_activity drops old ones; manage.py flush --audit-log empties all.';
END $$;
CREATE TRIGGER apikeys_audit_no_truncate BEFORE TRUNCATE ON apikeys_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION apikeys_audit_no_truncate();
"""
BACKWARDS = """
DROP TRIGGER apikeys_audit_no_truncate ON apikeys_auditevent;
DROP FUNCTION apikeys_audit_no_truncate();
"""


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FORWARDS, params=None)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BACKWARDS, params=None)


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0003_invitation_inviter")]

    operations = [migrations.RunPython(create, drop)]
