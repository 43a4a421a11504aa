"""The library beside its peers, in one run: see docs/performance.md and ``scripts/bench``."""
