"""How the Admin service is plugged in."""
