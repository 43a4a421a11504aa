"""An organization's balance: grant credits, take the price of a request, give it back.

Granting is a change somebody answers for and has its audit event. Taking and giving back happen
with each request that costs something; the usage counters tell of those.
"""

from __future__ import annotations

from typing import Final

from django.db.models import F
from django.utils.translation import gettext as _

from apikeys.models import Organization
from apikeys.services import audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.errors import Invalid, NotAllowed
from apikeys.services.locks import lock_organization
from apikeys.services.transactions import atomic

LARGEST_GRANT: Final = 1_000_000_000
LARGEST_BALANCE: Final = 1_000_000_000_000


@atomic
def grant_credits(*, actor: Actor, organization: Organization, amount: int) -> Organization:
    """Add to the balance; the operator's to do.

    Args:
        actor: the system.
        organization: whose balance.
        amount: credits, from 1.

    Raises:
        NotAllowed: the actor is not the system.
        Invalid: the amount, or the balance it would make, is out of range.
    """
    if actor.kind != "system":
        raise NotAllowed("organization.operator_required", _("Only the operator may do this."))
    if isinstance(amount, bool) or not 1 <= amount <= LARGEST_GRANT:
        raise Invalid(
            "credits.range",
            _("Grant from 1 to %(most)s credits.") % {"most": f"{LARGEST_GRANT:,}"},
            field="amount",
        )
    organization = lock_organization(organization)
    if organization.credits + amount > LARGEST_BALANCE:
        raise Invalid("credits.balance", _("That would be too many credits."), field="amount")
    before = organization.credits
    organization.credits = before + amount
    organization.save(update_fields=["credits"])
    audit.record(
        actor,
        Action.CREDITS_GRANTED,
        organization=organization,
        target=organization.name,
        amount=amount,
        before={"credits": before},
        after={"credits": organization.credits},
    )
    return organization


def take_credits(*, organization: Organization, amount: int) -> bool:
    """Take the amount if the balance has it, in one statement; tell whether it did.

    Under any number of requests at once the balance never goes below zero.
    """
    payable = Organization.objects.filter(pk=organization.pk, credits__gte=amount)
    return payable.update(credits=F("credits") - amount) == 1


def give_back_credits(*, organization: Organization, amount: int) -> None:
    """Return what ``take_credits`` took."""
    Organization.objects.filter(pk=organization.pk).update(credits=F("credits") + amount)


def balance(organization: Organization) -> int:
    """Return the balance as it is now in the database."""
    return Organization.objects.values_list("credits", flat=True).get(pk=organization.pk)
