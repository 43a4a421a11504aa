"""Who sent an invitation stays known when the account is gone, and who may send one is asked.

Rows from before are told by the audit event of their sending, the latest of that organization and
address. Where that says the system, the invitation stays good. One without an inviter and without
such an event can't be told from one of somebody who was deleted: it is void, and sent anew.
"""

from django.conf import settings
from django.db import migrations, models

import apikeys.models.admins

SENT = ("invitation.created", "invitation.resent")


def name_inviters(apps, schema_editor):
    using = schema_editor.connection.alias
    invitations = apps.get_model("apikeys", "Invitation").objects.using(using)
    events = apps.get_model("apikeys", "AuditEvent").objects.using(using)
    for invitation in invitations.order_by("pk"):
        sent = events.filter(
            organization_id=invitation.organization_id,
            target_label=invitation.email,
            action__in=SENT,
        )
        if answered_at := invitation.accepted_at or invitation.withdrawn_at:
            sent = sent.filter(created_at__lte=answered_at)
        sent = sent.order_by("-created_at", "-pk").first()
        if sent is not None:
            invitation.inviter_kind = sent.actor_kind
            invitation.inviter_id = sent.actor_id
            invitation.inviter_label = sent.actor_label
        elif invitation.invited_by_id is not None:
            invitation.inviter_id = str(invitation.invited_by_id)
        invitation.save(update_fields=["inviter_kind", "inviter_id", "inviter_label"])


class Migration(migrations.Migration):
    dependencies = [
        ("apikeys", "0002_postgresql_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="inviter_kind",
            field=models.CharField(db_default="user", default="user", max_length=16),
        ),
        migrations.AddField(
            model_name="invitation",
            name="inviter_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=255),
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
        migrations.RunPython(name_inviters, migrations.RunPython.noop),
    ]
