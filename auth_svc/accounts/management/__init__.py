"""Commands of the Auth service."""
