"""Who sent the invitations from before 0003, told by the audit event of their sending.

That is the latest of the organization and address, up to the answer. Where it says the system, the
invitation stays good. One without an inviter and without such an event can't be told from one of
somebody who was deleted: it is void, and sent anew. The events of an organization are read once,
and rows are written by pages, each for itself: an interrupted run is repeated.
"""

from bisect import bisect_right
from collections import defaultdict

from django.db import connections, migrations
from django.db.models import Q

SENT = ("invitation.created", "invitation.resent")
PAGE = 500
COLUMNS = ("pk", "email", "accepted_at", "withdrawn_at", "invited_by_id")


def name_inviters(apps, schema_editor):
    using = schema_editor.connection.alias
    invitations = apps.get_model("apikeys", "Invitation").objects.using(using)
    nameless = invitations.filter(inviter_id="", inviter_label="")
    events = apps.get_model("apikeys", "AuditEvent").objects.using(using)
    for organization in list(nameless.order_by().values_list("organization", flat=True).distinct()):
        sendings = sendings_by_address(events.filter(organization_id=organization))
        last = 0
        while rows := list(
            nameless.filter(organization=organization, pk__gt=last)
            .order_by("pk")
            .values_list(*COLUMNS)[:PAGE]
        ):
            last = rows[-1][0]
            named = ((*inviter(row, sendings), row[0]) for row in rows)
            write(invitations.model, using, [row for row in named if row[:2] != ("user", "")])


def sendings_by_address(events):
    """Return for each address its sendings, the oldest first: the moments, and who they were by."""
    found = defaultdict(lambda: ([], []))
    sent = events.filter(Q(action=SENT[0]) | Q(action=SENT[1])).order_by("created_at", "pk")
    for address, moment, *actor in sent.values_list(
        "target_label", "created_at", "actor_kind", "actor_id", "actor_label"
    ):
        moments, actors = found[address]
        moments.append(moment)
        actors.append(actor)
    return found


def inviter(row, sendings):
    """Return kind, id and label of who sent that invitation; the default where nothing tells."""
    _, address, accepted_at, withdrawn_at, invited_by = row
    moments, actors = sendings.get(address, ((), ()))
    answered_at = accepted_at or withdrawn_at
    count = bisect_right(moments, answered_at) if answered_at else len(moments)
    if count:
        return tuple(actors[count - 1])
    return "user", "" if invited_by is None else str(invited_by), ""


def write(model, using, rows):
    if not rows:
        return
    table = connections[using].ops.quote_name(model._meta.db_table)
    with connections[using].cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET inviter_kind = %s, inviter_id = %s, inviter_label = %s"  # noqa: S608  # nosec B608  # the model's table
            " WHERE id = %s",
            rows,
        )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("apikeys", "0004_audit_refuses_truncate")]

    operations = [migrations.RunPython(name_inviters, migrations.RunPython.noop)]
