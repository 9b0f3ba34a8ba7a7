"""Commands of the Admin service."""
