"""Names of tokens in the form in which they are compared, by pages, then their index.

No name is changed and none has to be unique in the new form: tokens that are twins in it stay, and
only the next one of that name is refused. Keys are accepted throughout: a page is a short
transaction, and PostgreSQL builds the index beside the traffic. An interrupted run is repeated.
"""

from django.db import migrations, models

from apikeys.models import names


def fill(apps, schema_editor):
    tokens = apps.get_model("apikeys", "AccessToken").objects
    names.fill(tokens.using(schema_editor.connection.alias), "name_key")


class AddIndexBesideTraffic(migrations.AddIndex):
    """``AddIndex``, ``CONCURRENTLY`` on PostgreSQL; what an interrupted run left is replaced.

    Django's ``AddIndexConcurrently`` works on PostgreSQL only and can't be repeated.
    """

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not _alone_on_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            if (valid := _is_valid(schema_editor, self.index.name)) is False:
                schema_editor.remove_index(model, self.index, concurrently=True)
            if not valid:
                schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if not _alone_on_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.remove_index(model, self.index, concurrently=True)


def _alone_on_postgresql(schema_editor):
    """Tell whether ``CONCURRENTLY`` can be said, which is never inside a transaction."""
    connection = schema_editor.connection
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def _is_valid(schema_editor, name):
    """Return whether the index is whole, ``None`` where there is none."""
    with schema_editor.connection.cursor() as cursor:
        quoted = schema_editor.quote_name(name)
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [quoted]
        )
        row = cursor.fetchone()
    return None if row is None else row[0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("apikeys", "0007_token_name_key")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexBesideTraffic(
            model_name="accesstoken",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=["workspace", "name_key"],
                name="apikeys_token_by_name_key",
            ),
        ),
    ]
