"""Questions about the counters: read-only, in few queries. Times are UTC, days are UTC days.

Knows no HTTP and changes nothing; ``activity.usage`` writes what is read here. What a process has
buffered and not yet flushed is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import F, Sum
from django.db.models.functions import TruncDay
from django.utils import timezone

from apikeys.models import AccessToken, Organization, RefusalCounter, UsageCounter, Workspace
from apikeys.models.activity import Outcome, Period
from apikeys.refusals import Reason

OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
ERRORS: Final = (Outcome.CLIENT_ERROR.value, Outcome.SERVER_ERROR.value)


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time that ends now, cut into whole hours or whole days.

    Attributes:
        name: how a URL says it.
        step: ``Period.HOUR`` or ``Period.DAY``.
        length: how many steps, the running one included.
    """

    name: str
    step: Period
    length: int

    def moments(self, now: datetime) -> list[datetime]:
        """Return when each step begins, oldest first."""
        now = now.astimezone(UTC)
        last = now.replace(minute=0, second=0, microsecond=0)
        one = timedelta(hours=1)
        if self.step is Period.DAY:
            last, one = last.replace(hour=0), timedelta(days=1)
        return [last - one * back for back in reversed(range(self.length))]


RANGES: Final = {
    made.name: made
    for made in (
        Range("24h", Period.HOUR, 24),
        Range("7d", Period.DAY, 7),
        Range("30d", Period.DAY, 30),
        Range("90d", Period.DAY, 90),
    )
}


@dataclass(slots=True)
class Counts:
    """Requests by outcome; every outcome has a number."""

    by_outcome: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))

    def add(self, outcome: str, count: int) -> None:
        """Add requests; an outcome of a later version counts too."""
        self.by_outcome[outcome] = self.by_outcome.get(outcome, 0) + count

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.by_outcome.values())

    @property
    def errors(self) -> int:
        """Requests that ended in a client or server error."""
        return sum(self.by_outcome[name] for name in ERRORS)


class Step(NamedTuple):
    """One hour or day of a report."""

    started_at: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests in a range: one step for each hour or day, those without requests included."""

    range: Range
    steps: Sequence[Step]
    totals: Counts


class TokenUse(NamedTuple):
    """What one token did in a range."""

    token: AccessToken
    counts: Counts


class Refused(NamedTuple):
    """How many requests were refused for one reason; ``reason`` is a value of ``Reason``."""

    reason: str
    requests: int


def requests_by_token(
    tokens: Iterable[AccessToken], *, days: int = 7, now: datetime | None = None
) -> dict[int, tuple[int, ...]]:
    """Return requests per UTC day for each token, in one query.

    Args:
        tokens: the tokens of one page.
        days: how many days, today included.
        now: the moment at which the last day is running; now when not given.

    Returns:
        For each token's primary key ``days`` numbers, oldest first; zeros when there were none.
    """
    moments = Range("", Period.DAY, days).moments(now or timezone.now())
    position = {moment: index for index, moment in enumerate(moments)}
    counts = {token.pk: [0] * days for token in tokens}
    if counts:
        rows = (
            UsageCounter.objects.filter(
                token__in=list(counts), period__in=Period.values, started_at__gte=moments[0]
            )
            .values_list("token_id", TruncDay("started_at", tzinfo=UTC))
            .annotate(requests=Sum("count"))
        )
        for pk, day, requests in rows:
            if day in position:
                counts[pk][position[day]] = requests
    return {pk: tuple(numbers) for pk, numbers in counts.items()}


def usage(
    organization: Organization,
    range: Range,
    *,
    workspace: Workspace | None = None,
    token: AccessToken | None = None,
    now: datetime | None = None,
) -> Usage:
    """Return requests by outcome and step, in two queries.

    Args:
        organization: whose tokens.
        range: one of ``RANGES``.
        workspace: only its tokens.
        token: only this token; it must be the organization's, or nothing is found.
        now: when the range ends; now when not given.
    """
    moments = range.moments(now or timezone.now())
    counters = _counters(organization, range, moments[0], workspace, token)
    moment: Any = F("started_at") if range.step is Period.HOUR else _day()
    rows = counters.values_list(moment, "outcome").annotate(requests=Sum("count"))
    steps = {moment: Counts() for moment in moments}
    totals = Counts()
    for started_at, outcome, requests in rows:
        if started_at in steps:
            steps[started_at].add(outcome, requests)
            totals.add(outcome, requests)
    return Usage(range, [Step(*item) for item in steps.items()], totals)


def top_tokens(
    organization: Organization,
    range: Range,
    *,
    workspace: Workspace | None = None,
    token: AccessToken | None = None,
    limit: int = 10,
    now: datetime | None = None,
) -> list[TokenUse]:
    """Return the tokens with the most requests in the range, in four queries.

    Args:
        organization, range, workspace, token, now: as ``usage``.
        limit: how many tokens.
    """
    first = range.moments(now or timezone.now())[0]
    counters = _counters(organization, range, first, workspace, token)
    busiest = (
        counters.values("token_id")
        .annotate(requests=Sum("count"))
        .order_by("-requests", "token_id")
        .values_list("token_id", flat=True)[:limit]
    )
    found = {pk: Counts() for pk in busiest}
    rows = (
        counters.filter(token__in=list(found))
        .values_list("token_id", "outcome")
        .annotate(requests=Sum("count"))
    )
    for pk, outcome, requests in rows:
        found[pk].add(outcome, requests)
    tokens = AccessToken.objects.select_related("workspace").in_bulk(list(found))
    return [TokenUse(tokens[pk], counts) for pk, counts in found.items() if pk in tokens]


def refused_by_reason(
    organization: Organization,
    range: Range,
    *,
    workspace: Workspace | None = None,
    token: AccessToken | None = None,
    now: datetime | None = None,
) -> list[Refused]:
    """Return why requests that named one of the tokens were refused, most frequent first.

    Wrong secrets are in it, though no token's counter knows them; requests over a limit are not:
    they have an outcome of their own.

    Args:
        organization, range, workspace, token, now: as ``usage``.
    """
    first = range.moments(now or timezone.now())[0]
    tokens = AccessToken.objects.in_organization(organization)
    if workspace is not None:
        tokens = tokens.filter(workspace=workspace)
    if token is not None:
        tokens = tokens.filter(pk=token.pk)
    rows = (
        RefusalCounter.objects.filter(token_id__in=tokens.values("token_id"), minute__gte=first)
        .exclude(reason=Reason.RATE_LIMITED.value)
        .values_list("reason")
        .annotate(refused=Sum("count"))
        .order_by("-refused", "reason")
    )
    return [Refused(*row) for row in rows]


def _day() -> TruncDay:
    return TruncDay("started_at", tzinfo=UTC)


def _counters(
    organization: Organization,
    chosen: Range,
    first: datetime,
    workspace: Workspace | None,
    token: AccessToken | None,
) -> Any:
    # Days are what prune_activity made of old hours: a range of days adds up both. The condition
    # on the period, true for all, lets the database walk the index by token, period and time.
    periods = [Period.HOUR] if chosen.step is Period.HOUR else Period.values
    counters = UsageCounter.objects.filter(
        token__workspace__in=_workspaces(organization, workspace),
        period__in=periods,
        started_at__gte=first,
    )
    if token is not None:
        counters = counters.filter(token=token)
    return counters


def _workspaces(organization: Organization, workspace: Workspace | None) -> list[int]:
    # Values, not a join: the database knows how many tokens a workspace has, and how many an
    # organization has it can't know. It would read all counters for a small one beside a big one.
    workspaces = organization.workspaces.order_by().values_list("pk", flat=True)
    return list(workspaces if workspace is None else workspaces.filter(pk=workspace.pk))
