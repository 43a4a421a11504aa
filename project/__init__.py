"""A runnable Django project around `apikeys` and `dashboard`. Nothing below imports it."""
