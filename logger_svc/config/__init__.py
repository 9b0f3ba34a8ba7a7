"""How the service is plugged in."""
