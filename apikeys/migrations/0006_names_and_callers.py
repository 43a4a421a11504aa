"""Names in the form in which they are compared, and idempotency keys that are their caller's own.

No name is changed and none has to be unique in the new form: tokens that are twins in it stay, and
only the next one of that name is refused.
"""

from django.conf import settings
from django.db import migrations, models

import apikeys.models.names
from apikeys.visible import compared

BATCH = 500


def fill(apps, schema_editor):
    tokens = apps.get_model("apikeys", "AccessToken").objects.using(schema_editor.connection.alias)
    last = 0
    # By pages of the primary key: behind a pooler of connections there is no cursor.
    while rows := list(tokens.filter(pk__gt=last).order_by("pk").only("pk", "name")[:BATCH]):
        for row in rows:
            row.name_key = compared(row.name)[:255]
        tokens.bulk_update(rows, ["name_key"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("apikeys", "0004_audit_refuses_truncate"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="name_key",
            field=apikeys.models.names.ComparedField(
                db_default="", editable=False, max_length=255, source="name"
            ),
        ),
        migrations.AddIndex(
            model_name="accesstoken",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=["workspace", "name_key"],
                name="apikeys_token_by_name_key",
            ),
        ),
        migrations.RemoveConstraint(model_name="secretissue", name="apikeys_creation_id_unique"),
        migrations.AddField(
            model_name="secretissue",
            name="caller",
            field=models.CharField(db_default="", default="", max_length=300),
        ),
        migrations.AddConstraint(
            model_name="secretissue",
            constraint=models.UniqueConstraint(
                fields=("organization", "caller", "creation_id"),
                name="apikeys_creation_id_of_caller",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
