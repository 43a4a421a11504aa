"""The column for the user that a workspace's automation tokens act as, where a site wants one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("apikeys", "0009_epoch_places"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="service_account",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="service account",
            ),
        ),
    ]
