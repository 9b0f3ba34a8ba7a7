"""How the Registry is plugged in: settings, URLs, ASGI application."""
