"""Commands of services that publish."""
