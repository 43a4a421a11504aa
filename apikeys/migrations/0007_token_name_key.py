"""The column for names in the form in which they are compared; 0008 fills it.

Nothing else is here: every request with a key waits while this transaction lasts.
"""

from django.db import migrations

import apikeys.models.names


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0006_callers_of_ids")]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="name_key",
            field=apikeys.models.names.ComparedField(
                db_default="",
                editable=False,
                max_length=255,
                source="name",
                verbose_name="name key",
            ),
        ),
    ]
