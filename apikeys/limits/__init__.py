"""A rate, a policy and a hit: how often something may happen, counted by the ``limits`` library.

Knows nothing of Django, HTTP, models or tokens: callers choose the keys, and keep them bounded.
Counts live in Redis (exact across processes) or in memory (exact within one process; a child
made by fork starts with none).

When Redis refuses, hangs or answers with an error, nothing raises: a limiter in this process
takes over with the same limits, so that each process lets through at most one limit more per
window, and Redis is tried again every second by a single request. What was let through
meanwhile is not told to Redis. The 50 ms timeouts do not cover a slow name server: name Redis by
address where that matters. If Redis loses its keys, the windows start anew.
"""

from apikeys.limits.limiters import Limiter, limiter
from apikeys.limits.policy import Charge, Limit, Per, Verdict, Window

__all__ = ["Charge", "Limit", "Limiter", "Per", "Verdict", "Window", "limiter"]
