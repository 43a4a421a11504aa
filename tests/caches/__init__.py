"""Behind real caches: Varnish and nginx as processes, gunicorn behind them."""
