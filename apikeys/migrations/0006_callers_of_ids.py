"""Idempotency keys are their caller's own.

Apart from 0007: a transaction that locks this table and that of the tokens could meet one that
makes a token, which takes them in the other order.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0005_name_inviters")]

    operations = [
        migrations.RemoveConstraint(model_name="secretissue", name="apikeys_creation_id_unique"),
        migrations.AddField(
            model_name="secretissue",
            name="caller",
            field=models.CharField(
                db_default="", default="", max_length=300, verbose_name="caller"
            ),
        ),
        migrations.AddConstraint(
            model_name="secretissue",
            constraint=models.UniqueConstraint(
                fields=("organization", "caller", "creation_id"),
                name="apikeys_creation_id_of_caller",
            ),
        ),
    ]
