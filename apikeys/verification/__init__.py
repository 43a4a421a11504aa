"""Is this credential genuine, and may its token be used now? Knows no request."""
