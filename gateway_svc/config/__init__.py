"""How the gateway is plugged in: settings, URLs, ASGI."""
