"""Who sent an invitation stays known when the account is gone, and who may send one is asked.

The schema alone, which is quick; 0005 names the inviters of rows from before.
"""

from django.conf import settings
from django.db import migrations, models

import apikeys.models.admins


class Migration(migrations.Migration):
    dependencies = [
        ("apikeys", "0002_postgresql_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="inviter_kind",
            field=models.CharField(
                db_default="user", default="user", max_length=16, verbose_name="inviter kind"
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="inviter_id",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=255, verbose_name="inviter id"
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="inviter_label",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=255, verbose_name="invited by"
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="user",
            field=models.ForeignKey(
                on_delete=apikeys.models.admins.with_their_memberships,
                related_name="apikeys_memberships",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
    ]
