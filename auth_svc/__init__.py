"""Auth: accounts, sessions, tokens and keys."""
