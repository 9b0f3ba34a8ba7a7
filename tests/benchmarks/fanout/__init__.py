"""A publisher and three subscribers with a countable effect, carried by our event bus or by plain Celery (`raw`)."""

SUBSCRIBERS = ("auth", "logger", "admin")
